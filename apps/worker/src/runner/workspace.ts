import { ClaimedJobSchema, type ClaimedJob } from '@influencerai/shared';
import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readIfThere } from '../read-if-there.js';
import { type Lane, readSpool, Spool, type SpoolEntry } from './spool.js';

const JOB_FILE = 'job.json';
const SHRUNK_FILE = 'shrunk';
/** Its files are those of the cache, under other names: a trainer must not write to them. */
export const FETCHED_DATASET = 'fetched-dataset';
const ATTEMPT_FOLDER = /^attempt-(\d+)$/;
const PROBE_FILE = '.probe';
/** More than a full disk may still have in blocks that are begun. */
const PROBE_BYTES = 1024 * 1024;
const PLAIN_ID = /^[A-Za-z0-9_-]{1,100}$/;

/** The folder of one attempt: the trainer's working directory and what is still to be delivered. */
export class Workspace {
  private constructor(
    readonly jobDir: string,
    readonly attempt: number,
  ) {}

  static of(workerDir: string, jobId: string, attempt: number): Workspace {
    if (!PLAIN_ID.test(jobId)) throw new Error(`The job id ${JSON.stringify(jobId)} cannot name a folder.`);
    return new Workspace(join(jobsDir(workerDir), jobId), attempt);
  }

  get dir(): string {
    return join(this.jobDir, `attempt-${this.attempt}`);
  }

  get tmpDir(): string {
    return join(this.dir, 'tmp');
  }

  /** States and other files that the worker makes for the upload. */
  get uploadDir(): string {
    return join(this.dir, 'upload');
  }

  /** A state that another host wrote. */
  get fetchedStateDir(): string {
    return join(this.dir, 'fetched-state');
  }

  /** What the job learns from, where it was fetched. */
  get fetchedDatasetDir(): string {
    return join(this.dir, FETCHED_DATASET);
  }

  openSpool(): Promise<Spool> {
    return Spool.open(this.spoolDir);
  }

  /** What waits in the spool of another attempt, which may be emptied meanwhile. */
  spooled(lane: Lane): Promise<SpoolEntry[]> {
    return readSpool(this.spoolDir, lane);
  }

  private get spoolDir(): string {
    return join(this.dir, 'spool');
  }

  /** Makes the folder and notes which job it belongs to, for a worker that starts after a crash. */
  async create(job: ClaimedJob): Promise<void> {
    await mkdir(this.tmpDir, { recursive: true });
    await mkdir(join(this.dir, 'output'), { recursive: true });
    await writeWhole(join(this.dir, JOB_FILE), JSON.stringify(job));
  }

  /** Undefined when the attempt's folder was never finished. */
  async job(): Promise<ClaimedJob | undefined> {
    const content = await readIfThere(join(this.dir, JOB_FILE));
    return content === undefined ? undefined : ClaimedJobSchema.parse(JSON.parse(content));
  }

  /** Writes a file below the attempt's folder; returns its absolute path. Links that a trainer left are not followed. */
  async write(path: string, content: string): Promise<string> {
    const file = join(this.dir, path);
    await mkdir(dirname(file), { recursive: true });
    const [top, folder] = await Promise.all([realpath(this.dir), realpath(dirname(file))]);
    if (folder !== join(top, dirname(path))) throw new Error(`${path} would be written outside the workspace.`);
    await rm(file, { force: true });
    await writeFile(file, content, { flag: 'wx' });
    return file;
  }

  /** Makes a link below the attempt's folder. */
  async link(path: string, target: string): Promise<void> {
    const file = join(this.dir, path);
    await mkdir(dirname(file), { recursive: true });
    await rm(file, { force: true });
    await symlink(target, file);
  }

  /** Every file below the attempt's folder, relative to it, with `/` between folders. */
  async files(): Promise<string[]> {
    return (await filesBelow(this.dir)).map((file) => file.slice(this.dir.length + 1).replaceAll('\\', '/'));
  }

  /** Notes that memory was too small here for the batch that was asked for. */
  async noteShrunk(): Promise<void> {
    await this.write(SHRUNK_FILE, '');
  }

  /** Whether an earlier attempt on this host had to shrink its batch. */
  async wasShrunk(): Promise<boolean> {
    const notes = (await this.earlier()).map(({ dir }) => readIfThere(join(dir, SHRUNK_FILE)));
    return (await Promise.all(notes)).some((note) => note !== undefined);
  }

  /** Attempts of the same job that ran on this host before, newest first. */
  async earlier(): Promise<Workspace[]> {
    return (await attemptsIn(this.jobDir)).filter((workspace) => workspace.attempt < this.attempt).reverse();
  }

  /** Frees the disk of the pictures that kohya encoded beside their links: a next attempt has links of its own. */
  async removeCaches(): Promise<void> {
    // From the attempt's own folder: a trainer may have put a link in place of `dataset`, and links are not followed.
    const caches = (await this.files()).filter((file) => file.startsWith('dataset/') && file.endsWith('.npz'));
    for (const file of caches) await rm(join(this.dir, file), { force: true });
  }

  removeJob(): Promise<void> {
    return rm(this.jobDir, { recursive: true, force: true });
  }
}

/** Throws when no workspace can be written here: the disk is full, read-only or gone. */
export const probeWorkspaces = async (workerDir: string): Promise<void> => {
  const file = join(jobsDir(workerDir), PROBE_FILE);
  await mkdir(jobsDir(workerDir), { recursive: true });
  try {
    await writeFile(file, Buffer.alloc(PROBE_BYTES));
  } finally {
    await rm(file, { force: true });
  }
};

/** Every attempt that left a folder here. */
export const allWorkspaces = async (workerDir: string): Promise<Workspace[]> => {
  const jobIds = (await namesIn(jobsDir(workerDir))).filter((name) => PLAIN_ID.test(name));
  return (await Promise.all(jobIds.map((jobId) => attemptsIn(join(jobsDir(workerDir), jobId))))).flat();
};

/** Removes the folders of jobs in which nothing happened for a while, but those in `inUse`; returns their ids. */
export const removeOldJobs = async (input: {
  workerDir: string;
  inUse: ReadonlySet<string>;
  before: Date;
}): Promise<string[]> => {
  const removed: string[] = [];
  for (const jobId of await namesIn(jobsDir(input.workerDir))) {
    const dir = join(jobsDir(input.workerDir), jobId);
    if (input.inUse.has(jobId) || (await changedAt(dir)) >= input.before) continue;
    await rm(dir, { recursive: true, force: true });
    removed.push(jobId);
  }
  return removed;
};

/** When something was last added to a job's folder, to those of its attempts, or to a folder in one of these. */
const changedAt = async (dir: string): Promise<Date> => {
  const attempts = (await namesIn(dir)).map((name) => join(dir, name));
  const within = await Promise.all(
    attempts.map(async (attempt) => (await namesIn(attempt)).map((name) => join(attempt, name))),
  );
  const times = await Promise.all([dir, ...attempts, ...within.flat()].map(mtimeMs));
  return new Date(Math.max(...times));
};

/** 0 for what is gone by now. */
const mtimeMs = async (path: string): Promise<number> => {
  const found = await lstat(path).catch(() => undefined);
  return found?.mtimeMs ?? 0;
};

/** Puts the folder of a job that is over aside, and keeps only the newest of those. */
export const retireJob = async (workspace: Workspace, keep: number): Promise<void> => {
  if (keep === 0) return workspace.removeJob();
  const keptDir = join(dirname(dirname(workspace.jobDir)), 'kept');
  const target = join(keptDir, basename(workspace.jobDir));
  await mkdir(keptDir, { recursive: true });
  await rm(target, { recursive: true, force: true });
  await rename(workspace.jobDir, target);
  const dated = await Promise.all(
    (await namesIn(keptDir)).map(async (name) => ({ name, at: (await stat(join(keptDir, name))).mtimeMs })),
  );
  const old = dated.sort((a, b) => b.at - a.at).slice(keep);
  await Promise.all(old.map(({ name }) => rm(join(keptDir, name), { recursive: true, force: true })));
};

const jobsDir = (workerDir: string): string => join(workerDir, 'jobs');

const attemptsIn = async (jobDir: string): Promise<Workspace[]> => {
  const numbers = (await namesIn(jobDir)).flatMap((name) => ATTEMPT_FOLDER.exec(name)?.[1] ?? []).map(Number);
  const workerDir = dirname(dirname(jobDir));
  const jobId = basename(jobDir);
  return numbers.sort((a, b) => a - b).map((attempt) => Workspace.of(workerDir, jobId, attempt));
};

const namesIn = async (dir: string): Promise<string[]> => (await entriesIn(dir)).map(({ name }) => name);

/** Without what is removed meanwhile: an attempt may still be clearing up when the next one looks at its folder. */
const filesBelow = async (dir: string): Promise<string[]> => {
  const entries = await entriesIn(dir);
  const pathOf = ({ name }: Dirent): string => join(dir, name);
  const files = entries.filter((entry) => entry.isFile()).map(pathOf);
  const folders = entries.filter((entry) => entry.isDirectory()).map(pathOf);
  return [...files, ...(await Promise.all(folders.map(filesBelow))).flat()];
};

/** None for a folder that is not there. */
const entriesIn = async (dir: string): Promise<Dirent[]> => {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
};

const writeWhole = async (file: string, content: string): Promise<void> => {
  await writeFile(`${file}.partial`, content);
  await rename(`${file}.partial`, file);
};
