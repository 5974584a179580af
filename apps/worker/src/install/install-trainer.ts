import { UPSTREAMS, type GitUpstream, type UpstreamId } from '@influencerai/trainers';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOf } from '../runner/process-group.js';
import { fetchSource } from './fetch-source.js';
import { InstallError } from './install-error.js';
import { isUpToDate, parseInstalled, type Installed } from './install-plan.js';
import { replaceInstallation } from './replace-installation.js';
import { runningIn } from './running-trainers.js';
import { runTool } from './run-tool.js';
import { findUv } from './uv.js';

/** The locked requirements of trainers and checks. */
export const ENVIRONMENTS = fileURLToPath(new URL('../../../../packages/trainers/environments', import.meta.url));
const INSTALLED_FILE = 'installed.json';

export interface InstallInput {
  id: UpstreamId;
  trainersDir: string;
  /** Version of Python, or path of an interpreter. */
  python: string;
  /** Checkout, git directory or URL to take the source from, in place of upstream's own. */
  source?: string;
  /** Anew, although it is there. */
  isForced: boolean;
  say: (text: string) => void;
}

/**
 * Makes the pinned environment of a trainer, with its source at the pinned commit, in `<trainersDir>/<id>`.
 * @returns undefined when it was there already
 * @throws InstallError
 */
export const installTrainer = async (input: InstallInput): Promise<Installed | undefined> => {
  const { id, trainersDir } = input;
  const dir = join(trainersDir, id);
  const upstream = UPSTREAMS[id];
  const version = upstream.kind === 'git' ? upstream.commit : upstream.version;
  const lock = join(ENVIRONMENTS, `${id}.txt`);
  const lockDigest = createHash('sha256')
    .update(await readFile(lock))
    .digest('hex');
  if (!input.isForced && isUpToDate(await readInstalled(dir), { version, lockDigest })) return undefined;
  const staging = await openStaging(dir);
  try {
    const missing = upstream.kind === 'git' ? await addSource(upstream, staging, input) : [];
    const facts = await makeEnvironment(join(staging, 'venv'), lock, input);
    const installed = { name: id, version, ...facts, lockDigest, installedAt: new Date().toISOString(), missing };
    await writeFile(join(staging, INSTALLED_FILE), `${JSON.stringify(installed, null, 2)}\n`);
    await replaceInstallation(dir, staging, input.say);
    return installed;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
};

/**
 * Frees the space of a trainer; false when none was there.
 * @throws InstallError while something runs in it
 */
export const removeTrainer = async (dir: string): Promise<boolean> => {
  const isKnown = await isThere(dir);
  const [pid] = await runningIn(dir);
  if (pid !== undefined)
    throw new InstallError(`Process ${pid} runs in ${dir}: stop it, or the worker that started it.`);
  // First, so that no worker offers what is half gone.
  await rm(join(dir, INSTALLED_FILE), { force: true });
  await rm(dir, { recursive: true, force: true });
  return isKnown;
};

/** What is installed in a trainer's folder; undefined when nothing is, or not all of it. */
export const readInstalled = async (dir: string): Promise<Installed | undefined> => {
  const file = join(dir, INSTALLED_FILE);
  return (await isThere(file)) ? parseInstalled(await readFile(file, 'utf8')) : undefined;
};

/** A folder beside the trainer's; what is installed stays usable until the new one is whole. */
const openStaging = async (dir: string): Promise<string> => {
  const parent = dirname(dir);
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const [, pid] = /^\..+\.installing-(\d+)(?:\.former)?$/.exec(name) ?? [];
    if (pid && !(await startOf(Number(pid)))) await rm(join(parent, name), { recursive: true, force: true });
  }
  const staging = join(parent, `.${basename(dir)}.installing-${process.pid}`);
  await mkdir(staging);
  return staging;
};

const addSource = async (
  upstream: GitUpstream,
  staging: string,
  { id, source, say }: InstallInput,
): Promise<string[]> => {
  say(`${id}: fetching the source at ${upstream.commit.slice(0, 12)} …`);
  const missing = await fetchSource({ upstream, from: source, target: join(staging, 'source') });
  if (missing.length > 0) say(`${id}: the copy lacks ${missing.join(', ')}; what needs these files will fail.`);
  return missing;
};

/** Relocatable, because it is made beside the place where it stays. */
const makeEnvironment = async (
  venv: string,
  lock: string,
  { id, python, say, trainersDir }: InstallInput,
): Promise<Facts> => {
  const uv = await findUv(trainersDir, say);
  say(`${id}: installing the locked packages (several GB the first time) …`);
  const make = ['venv', '--relocatable', '--quiet', '--python', python, venv];
  await runTool(`Making the environment of ${id}`, uv, make);
  const interpreter = join(venv, 'bin', 'python');
  const args = ['pip', 'install', '--quiet', '--python', interpreter, '--require-hashes', '-r', lock];
  await runTool(`Installing ${id}`, uv, args);
  say(`${id}: trying it out …`);
  return JSON.parse(await runTool('Importing torch', interpreter, ['-c', PROBE])) as Facts;
};

const PROBE =
  'import json, platform, torch; print(json.dumps({"python": platform.python_version(), "torch": torch.__version__}))';

type Facts = Pick<Installed, 'python' | 'torch'>;

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
