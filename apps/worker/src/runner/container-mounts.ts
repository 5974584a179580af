import { appendFile, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { FETCHED_DATASET } from './workspace.js';

/** With more files than this in one folder, the folder is mounted in their place. */
const SINGLE_FILES = 8;
/** What the worker itself keeps in a workspace, and reads or writes while the trainer runs. */
const WORKER_FOLDERS = ['spool', 'upload', FETCHED_DATASET];
const WORKER_FILES = ['job.json', 'loss-curve.jsonl'];
export const OF_THE_WORKER: readonly string[] = [...WORKER_FOLDERS, ...WORKER_FILES];

/** A path of the host that a container sees under the same name. */
export interface Mount {
  path: string;
  isWritable: boolean;
}

/**
 * The workspace to write in, and what the trainer reads. What the worker keeps in the workspace can only be read: a
 * trainer that could change it, or put links there, would reach files of the host with the worker's rights. For the same
 * reason links that an earlier attempt of the job left in its state are not followed.
 */
export const mountsFor = async (workspaceDir: string, reads: readonly string[]): Promise<Mount[]> => {
  const jobDir = dirname(workspaceDir);
  const ofTrainers = reads.filter((path) => isWithin(path, jobDir) && !isWithin(path, workspaceDir));
  const ofTheHost = reads.filter((path) => !isWithin(path, jobDir));
  for (const path of ofTrainers) await assertPlain(path, jobDir);
  return [
    { path: workspaceDir, isWritable: true },
    ...(await makeOwn(workspaceDir)).map((path) => ({ path, isWritable: false })),
    ...collapse([...ofTrainers, ...(await withTargets(ofTheHost))]).map((path) => ({ path, isWritable: false })),
  ];
};

/** The options of `docker create` for a mount. */
export const mountOption = ({ path, isWritable }: Mount): string[] => {
  // podman's engine joins the parts of --mount and reads them again, so a comma in a name would begin an option there.
  // --volume splits at colons alone, but makes a missing folder up: it is only for what --mount cannot say.
  if (!/[,"\n\r]/.test(path)) {
    return ['--mount', `type=bind,source=${path},target=${path}${isWritable ? '' : ',readonly'}`];
  }
  if (!path.includes(':')) return ['--volume', `${path}:${path}${isWritable ? '' : ':ro'}`];
  throw new Error(
    `${JSON.stringify(path)} cannot be mounted: its name has a colon beside a comma or a quotation mark.`,
  );
};

/** Folders for files that lie together in number, and nothing twice. */
export const collapse = (paths: readonly string[]): string[] => {
  const siblings = Map.groupBy(new Set(paths), dirname);
  const merged = [...siblings].flatMap(([folder, files]) => (files.length > SINGLE_FILES ? [folder] : files)).sort();
  return merged.filter((path) => !merged.some((other) => other !== path && isWithin(path, other)));
};

const assertPlain = async (path: string, jobDir: string): Promise<void> => {
  const [place, top] = await Promise.all([realpath(path), realpath(jobDir)]);
  if (place !== join(top, relative(jobDir, path))) throw new Error(`${path} lies behind a link.`);
};

/** Links, and links in folders, lead to files that the container must have as well: caches of models are made so. */
const withTargets = async (paths: readonly string[]): Promise<string[]> => {
  const targets = await Promise.all(
    paths.map(async (path) => [path, await realpath(path), ...(await linkedFrom(path))]),
  );
  return [...new Set(targets.flat())];
};

const linkedFrom = async (path: string): Promise<string[]> => {
  if (!(await stat(path)).isDirectory()) return [];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const links = entries.filter((entry) => entry.isSymbolicLink());
  const targets = await Promise.all(links.map((link) => targetOf(join(link.parentPath, link.name))));
  return targets.filter((target) => target !== undefined && !isWithin(target, path)) as string[];
};

/** Undefined for a link to nothing. */
const targetOf = (link: string): Promise<string | undefined> => realpath(link).catch(() => undefined);

const makeOwn = async (workspaceDir: string): Promise<string[]> => {
  const folders = WORKER_FOLDERS.map((name) => join(workspaceDir, name));
  const files = WORKER_FILES.map((name) => join(workspaceDir, name));
  for (const folder of folders) await mkdir(folder, { recursive: true });
  for (const file of files) await appendFile(file, '');
  return [...folders, ...files];
};

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);
