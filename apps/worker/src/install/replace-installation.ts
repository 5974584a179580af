import { access, rename, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runningIn } from './running-trainers.js';

const POLL_MS = 500;

/**
 * Puts a finished installation in the place of an earlier one, once nothing runs in that any more: Python imports what it
 * needs when it needs it, and would find the new one.
 */
export const replaceInstallation = async (dir: string, staging: string, say: (text: string) => void): Promise<void> => {
  await untilUnused(dir, say);
  if (await isThere(dir)) await rename(dir, `${staging}.former`);
  await rename(staging, dir);
  await rm(`${staging}.former`, { recursive: true, force: true });
};

const untilUnused = async (dir: string, say: (text: string) => void): Promise<void> => {
  let pids = await runningIn(dir);
  if (pids.length === 0) return;
  say(`Waiting for what runs in ${dir} (process ${pids.join(', ')}) to end; stop the worker to hand its jobs over.`);
  while (pids.length > 0) {
    await delay(POLL_MS);
    pids = await runningIn(dir);
  }
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
