import { isBuiltIn, type TrainerId } from '@influencerai/shared';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ImportFinding } from './doctor/import-finding.js';
import { VERSION } from './version.js';

/** Why a trainer that is installed cannot start on this host; undefined when it can. */
export type StartCheck = (trainer: TrainerId) => Promise<string | undefined>;

export interface StartCheckInput {
  /** What the answer depends on, as far as one can tell without running anything; undefined where nothing is there. */
  factsOf: (trainer: TrainerId) => Promise<unknown>;
  tryToStart: (trainer: TrainerId) => Promise<ImportFinding>;
  /** File for the note that it starts. */
  passedFile: (trainer: TrainerId) => string;
  log: Logger;
}

interface Outcome {
  fingerprint: string;
  problem: string | undefined;
}

/**
 * Starts what jobs would start, with all its imports, and remembers the answer until what it depends on changes. That it
 * can start is noted in a file; that it cannot is asked again by the next worker.
 */
export const startCheck = (input: StartCheckInput): StartCheck => {
  const known = new Map<TrainerId, Outcome>();
  let turn: Promise<unknown> = Promise.resolve();
  const look = async (id: TrainerId): Promise<string | undefined> => {
    const before = await fingerprintOf(id, input);
    // Not installed, or just being replaced: whoever wants to start it finds out.
    if (before === undefined) return undefined;
    const last = known.get(id);
    if (last?.fingerprint === before) return last.problem;
    const file = input.passedFile(id);
    const problem = (await hasPassed(file, before)) ? undefined : await tryToStart(id, input);
    // The first import adds compiled files to what is looked at.
    const fingerprint = (await fingerprintOf(id, input)) ?? before;
    if (problem === undefined) await notePassed(file, fingerprint, input.log);
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

const tryToStart = async (id: TrainerId, input: StartCheckInput): Promise<string | undefined> => {
  input.log.info({ trainer: id }, 'Trying whether it starts; after an installation this takes a minute');
  const { canStart, problem } = await input.tryToStart(id);
  return canStart ? undefined : (problem ?? 'It does not start.');
};

const fingerprintOf = async (id: TrainerId, { factsOf }: StartCheckInput): Promise<string | undefined> => {
  const facts = await factsOf(id);
  if (facts === undefined) return undefined;
  return createHash('sha256')
    .update(JSON.stringify([VERSION, facts]))
    .digest('hex');
};

const hasPassed = async (file: string, fingerprint: string): Promise<boolean> =>
  (await readFile(file, 'utf8').catch(() => '')).trim() === fingerprint;

const notePassed = async (file: string, fingerprint: string, log: Logger): Promise<void> => {
  if (await hasPassed(file, fingerprint)) return;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${fingerprint}\n`);
  } catch (error) {
    log.debug({ err: error }, 'That a trainer starts could not be noted; the next worker tries again');
  }
};
