import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOf } from './runner/process-group.js';

const LOCK_FILE = 'worker.lock';

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
    const holder = await liveHolder(file);
    if (holder !== undefined) throw lockedBy(dir, holder);
    // Its holder crashed. Where two starters get here together, the second try decides.
    await rm(file, { force: true });
    if (!(await tryToTake(file, mine))) throw lockedBy(dir, 'another process');
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

const liveHolder = async (file: string): Promise<string | undefined> => {
  const [pid, ...started] = (await readFile(file, 'utf8')).split(' ');
  const isAlive = (await startOf(Number(pid))) === started.join(' ');
  return isAlive ? `process ${pid}` : undefined;
};

const lockedBy = (dir: string, holder: string): LockedError =>
  new LockedError(
    `The folder ${dir} is in use by another worker (${holder}). Stop that one, or set WORKER_DIR to another folder.`,
  );
