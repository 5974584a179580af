import { UPSTREAMS, type GitUpstream, type UpstreamId } from '@influencerai/trainers';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { adviceFor, InstalledSchema, isUpToDate, type Installed } from './install-plan.js';

const ENVIRONMENTS = fileURLToPath(new URL('../../../../packages/trainers/environments', import.meta.url));
const UV_VERSION = '0.9.7';

/** An installation that did not come about; the message is for people and says what to do. */
export class InstallError extends Error {
  override readonly name = 'InstallError';
}

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
  const { id, trainersDir, say } = input;
  const dir = join(trainersDir, id);
  const upstream = UPSTREAMS[id];
  const version = upstream.kind === 'git' ? upstream.commit : upstream.version;
  const lock = join(ENVIRONMENTS, `${id}.txt`);
  const lockDigest = createHash('sha256')
    .update(await readFile(lock))
    .digest('hex');
  if (!input.isForced && isUpToDate(await readInstalled(dir), { version, lockDigest })) return undefined;
  await mkdir(dir, { recursive: true });
  // From here on the worker must not offer it.
  await rm(join(dir, 'installed.json'), { force: true });
  if (upstream.kind === 'git') await fetchSource(upstream, join(dir, 'source'), input);
  const python = await makeEnvironment(join(dir, 'venv'), lock, input);
  say(`${id}: trying it out …`);
  const facts = await probe(python);
  const installed = { name: id, version, ...facts, lockDigest, installedAt: new Date().toISOString() };
  await writeWhole(join(dir, 'installed.json'), `${JSON.stringify(installed, null, 2)}\n`);
  return installed;
};

/** What is installed in a trainer's folder; undefined when nothing is, or not all of it. */
export const readInstalled = async (dir: string): Promise<Installed | undefined> => {
  const file = join(dir, 'installed.json');
  if (!(await isThere(file))) return undefined;
  const parsed = InstalledSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  return parsed.data;
};

/** One commit without its history, in a folder that appears when it is whole. */
const fetchSource = async (
  { url, commit, mainFile }: GitUpstream,
  target: string,
  { id, source, say }: InstallInput,
): Promise<void> => {
  const from = source ?? url;
  say(`${id}: fetching the source at ${commit.slice(0, 12)} …`);
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const git = (...args: string[]) => run(`Fetching ${id}`, 'git', ['-C', partial, ...args]);
  await git('init', '--quiet');
  await git('fetch', '--quiet', '--depth', '1', from, commit);
  await git('-c', 'advice.detachedHead=false', 'checkout', '--quiet', 'FETCH_HEAD');
  if (!(await isThere(join(partial, mainFile)))) throw new InstallError(`${from} holds no ${mainFile} at ${commit}.`);
  await rm(target, { recursive: true, force: true });
  await rename(partial, target);
};

/** A virtual environment knows its own path, so it is made where it stays. */
const makeEnvironment = async (venv: string, lock: string, { id, python, say, trainersDir }: InstallInput) => {
  const uv = await findUv(trainersDir, say);
  say(`${id}: installing the locked packages (several GB the first time) …`);
  await run(`Making the environment of ${id}`, uv, ['venv', '--clear', '--quiet', '--python', python, venv]);
  const interpreter = join(venv, 'bin', 'python');
  const args = ['pip', 'install', '--quiet', '--python', interpreter, '--require-hashes', '-r', lock];
  await run(`Installing ${id}`, uv, args);
  return interpreter;
};

const findUv = async (trainersDir: string, say: (text: string) => void): Promise<string> => {
  const known = await execa('uv', ['--version'], { reject: false, stdin: 'ignore' });
  if (!known.failed) return 'uv';
  const venv = join(trainersDir, '.uv');
  const uv = join(venv, 'bin', 'uv');
  if (await isThere(uv)) return uv;
  say(`Bringing uv ${UV_VERSION} from PyPI, once …`);
  await mkdir(trainersDir, { recursive: true });
  await run('Making an environment for uv', 'python3', ['-m', 'venv', venv]);
  await run('Bringing uv', join(venv, 'bin', 'pip'), ['install', '--quiet', `uv==${UV_VERSION}`]);
  return uv;
};

const PROBE =
  'import json, platform, torch; print(json.dumps({"python": platform.python_version(), "torch": torch.__version__}))';

const probe = async (python: string): Promise<{ python: string; torch: string }> => {
  const output = await run('Importing torch', python, ['-c', PROBE]);
  return JSON.parse(output) as { python: string; torch: string };
};

const run = async (what: string, file: string, args: string[]): Promise<string> => {
  const ended = await execa(file, args, { reject: false, all: true, stdin: 'ignore' });
  if (!ended.failed) return ended.stdout;
  if (ended.code === 'ENOENT') throw new InstallError(`${what} needs ${file}, which is not there: install it.`);
  const output = ended.all ?? '';
  throw new InstallError(
    `${what} failed. ${adviceFor(output) ?? ''}\n${output.split('\n').slice(-15).join('\n')}`.trim(),
  );
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

const writeWhole = async (file: string, content: string): Promise<void> => {
  await writeFile(`${file}.partial`, content);
  await rename(`${file}.partial`, file);
};
