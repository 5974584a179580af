import { type Gpu, isBuiltIn, type TrainerId } from '@influencerai/shared';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { importTrainer } from './doctor/import-trainer.js';
import { VERSION } from './version.js';

/** Beside what is installed: a new installation takes its place, and knows nothing of earlier checks. */
const PASSED_FILE = 'starts.txt';

/** Why a trainer that is installed cannot start on this host; undefined when it can. */
export type StartCheck = (trainer: TrainerId) => Promise<string | undefined>;

export interface StartCheckInput {
  trainersDir: string;
  gpus: readonly Gpu[];
  /** Version of the NVIDIA driver. */
  driver: string | undefined;
  /** Environment that every trainer gets. */
  trainerBase: Record<string, string>;
  log: Logger;
}

interface Outcome {
  fingerprint: string;
  problem: string | undefined;
}

/**
 * Starts what jobs would start, with all its imports, and remembers the answer until installation, driver or GPUs
 * change. That it can start is kept beside the installation; that it cannot is asked again by the next worker.
 */
export const startCheck = (input: StartCheckInput): StartCheck => {
  const known = new Map<TrainerId, Outcome>();
  let turn: Promise<unknown> = Promise.resolve();
  const look = async (id: TrainerId): Promise<string | undefined> => {
    const dir = join(input.trainersDir, id);
    const before = await fingerprintOf(dir, input);
    // Not installed, or just being replaced: whoever wants to start it finds out.
    if (before === undefined) return undefined;
    const last = known.get(id);
    if (last?.fingerprint === before) return last.problem;
    const problem = (await hasPassed(dir, before)) ? undefined : await tryToStart(id, dir, input);
    // The first import adds compiled files to what is looked at.
    const fingerprint = (await fingerprintOf(dir, input)) ?? before;
    if (problem === undefined) await notePassed(dir, fingerprint, input.log);
    known.set(id, { fingerprint, problem });
    return problem;
  };
  return (id) => {
    // One at a time: their imports would only fight for the disk.
    const answer = turn.then(() => (isBuiltIn(id) ? undefined : look(id)));
    turn = answer.catch(() => undefined);
    return answer;
  };
};

const tryToStart = async (
  id: TrainerId,
  dir: string,
  { gpus, trainerBase, log }: StartCheckInput,
): Promise<string | undefined> => {
  log.info({ trainer: id }, 'Trying whether it starts; after an installation this takes a minute');
  const { canStart, problem } = await importTrainer({ id, dir, gpus, trainerBase });
  return canStart ? undefined : (problem ?? 'It does not start.');
};

/** What the answer depends on, as far as one can tell without running anything. */
const fingerprintOf = async (dir: string, { gpus, driver }: StartCheckInput): Promise<string | undefined> => {
  try {
    const installed = await readFile(join(dir, 'installed.json'), 'utf8');
    const facts = [VERSION, installed, await packagesChangedAt(dir), gpus, driver ?? null];
    return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** When packages were last added to or taken from the environment. */
const packagesChangedAt = async (dir: string): Promise<number[]> => {
  const lib = join(dir, 'venv', 'lib');
  const versions = await readdir(lib).catch(() => []);
  const found = versions.map((version) => stat(join(lib, version, 'site-packages')).catch(() => undefined));
  return (await Promise.all(found)).map((folder) => folder?.mtimeMs ?? 0);
};

const hasPassed = async (dir: string, fingerprint: string): Promise<boolean> =>
  (await readFile(join(dir, PASSED_FILE), 'utf8').catch(() => '')).trim() === fingerprint;

const notePassed = async (dir: string, fingerprint: string, log: Logger): Promise<void> => {
  if (await hasPassed(dir, fingerprint)) return;
  await writeFile(join(dir, PASSED_FILE), `${fingerprint}\n`).catch((error: unknown) => {
    log.debug({ err: error }, 'That a trainer starts could not be noted; the next worker tries again');
  });
};
