import { randomUUID } from 'node:crypto';
import { link, mkdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from './read-if-there.js';
import { startOf } from './runner/process-group.js';

const LOCK_FILE = 'worker.lock';
const STARTER = 'one that starts';
const CLEARING_MS = 10_000;

export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/**
 * Takes a folder for this process alone; returns what gives it back.
 * @throws LockedError when a live worker has it
 */
export const lockFolder = async (dir: string): Promise<() => Promise<void>> => {
  const file = join(dir, LOCK_FILE);
  const mine = `${process.pid} ${await startOf(process.pid)}`;
  if (!(await tryToTake(file, mine))) {
    const holder = (await liveHolder(file)) ?? (await clear(file));
    if (holder !== undefined) throw lockedBy(dir, holder);
    if (!(await tryToTake(file, mine))) throw lockedBy(dir, STARTER);
  }
  return () => rm(file, { force: true });
};

const tryToTake = async (file: string, content: string): Promise<boolean> => {
  // It appears with its content: an empty one would look like that of a worker that crashed.
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, content);
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
};

/**
 * Removes what a worker that crashed has left. One starter at a time: another would take the lock of the first for that
 * of the one that crashed.
 * @returns who has the folder, or is about to
 */
const clear = async (file: string): Promise<string | undefined> => {
  const clearing = `${file}.clearing`;
  if (!(await tryToMake(clearing))) {
    await forgetOld(clearing);
    return STARTER;
  }
  try {
    const content = await readIfThere(file);
    // What is not there any more may appear again at once: it is for the next try to tell.
    if (content === undefined) return undefined;
    const holder = await aliveOf(content);
    if (holder === undefined) await rm(file);
    return holder;
  } finally {
    await rmdir(clearing);
  }
};

const tryToMake = async (folder: string): Promise<boolean> => {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** Left by a starter that crashed within the moment that this takes. */
const forgetOld = async (folder: string): Promise<void> => {
  const found = await stat(folder).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > CLEARING_MS) await rm(folder, { recursive: true, force: true });
};

const liveHolder = async (file: string): Promise<string | undefined> => {
  const content = await readIfThere(file);
  return content === undefined ? undefined : aliveOf(content);
};

const aliveOf = async (content: string): Promise<string | undefined> => {
  const [pid, ...started] = content.split(' ');
  const isAlive = (await startOf(Number(pid))) === started.join(' ');
  return isAlive ? `process ${pid}` : undefined;
};

const lockedBy = (dir: string, holder: string): LockedError =>
  new LockedError(
    `The folder ${dir} is in use by another worker (${holder}). Stop that one, or set WORKER_DIR to another folder.`,
  );
