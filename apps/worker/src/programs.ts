import { isBuiltIn, type TrainerId } from '@influencerai/shared';
import { DRIVERS_DIR } from '@influencerai/trainers';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VERSION } from './version.js';

/** Where the programs lie that plans name symbolically. */
export interface Programs {
  /** File and leading arguments that start the program, or undefined when it is not on this host. */
  find(name: string): Promise<[file: string, ...args: string[]] | undefined>;
  /** Commit or release of a trainer, as it was installed; undefined when it is not known. */
  version(trainer: TrainerId): Promise<string | undefined>;
  /** Whether a Python package is installed with a trainer; undefined where that is not known. */
  hasPackage(trainer: TrainerId, name: string): Promise<boolean | undefined>;
}

export interface ProgramsInput {
  tinyProgram?: string;
  /** Where `bin/trainers install` put the trainers: `<trainer>/{venv,source,installed.json}`. */
  trainersDir: string;
}

/** A program of a trainer: its name in plans is `<trainer>` (our driver), or `<trainer>:python` (its interpreter). */
const PYTHON_TRAINERS: readonly TrainerId[] = ['kohya', 'ai-toolkit', 'trl'];

/** The programs of this host. */
export const hostPrograms = ({ tinyProgram, trainersDir }: ProgramsInput): Programs => ({
  find: async (name) => {
    if (name === 'tiny') return findBuiltIn(tinyProgram ?? (await import('@influencerai/tiny')).TINY_PROGRAM);
    if (name === 'retrieval') return findBuiltIn((await import('@influencerai/retrieval')).RETRIEVAL_PROGRAM);
    const [trainer, what] = name.split(':') as [TrainerId, string?];
    return PYTHON_TRAINERS.includes(trainer) ? findPython(join(trainersDir, trainer), trainer, what) : undefined;
  },
  version: (trainer) => (isBuiltIn(trainer) ? Promise.resolve(VERSION) : installedVersion(join(trainersDir, trainer))),
  hasPackage: async (trainer, name) =>
    PYTHON_TRAINERS.includes(trainer) ? isInstalled(join(trainersDir, trainer), name) : undefined,
});

const findBuiltIn = async (main: string): Promise<[string, string] | undefined> =>
  (await isReadable(main)) ? [process.execPath, main] : undefined;

const findPython = async (
  dir: string,
  trainer: TrainerId,
  what: string | undefined,
): Promise<[string, ...string[]] | undefined> => {
  const python = join(dir, 'venv', 'bin', 'python');
  // Written last by the installation.
  if (!(await isReadable(join(dir, 'installed.json'))) || !(await isReadable(python))) return undefined;
  if (what === 'python') return [python];
  return [python, DRIVERS_DIR, trainer, '--home', join(dir, 'source')];
};

const InstalledSchema = z.object({ commit: z.string().optional(), version: z.string().optional() });

const installedVersion = async (dir: string): Promise<string | undefined> => {
  const file = join(dir, 'installed.json');
  if (!(await isReadable(file))) return undefined;
  const { commit, version } = InstalledSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return commit ?? version;
};

const isInstalled = async (dir: string, name: string): Promise<boolean | undefined> => {
  const lib = join(dir, 'venv', 'lib');
  const [version] = await readdir(lib).catch(() => []);
  return version === undefined ? undefined : isReadable(join(lib, version, 'site-packages', name));
};

const isReadable = async (file: string): Promise<boolean> => {
  try {
    await access(file);
    return true;
  } catch {
    // Whatever keeps it from being read, it cannot be started.
    return false;
  }
};
