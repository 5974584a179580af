import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchExit } from './launcher.js';

/** Tells how often the kernel has ended a process for want of memory; undefined where it does not say. */
export type KillCount = () => Promise<number | undefined>;

const NOT_READABLE = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];
const COUNT = /^oom_kill (\d+)$/m;

/**
 * Counts for the control group of this process, which its trainers are in too; where that has none, for the whole host.
 * @param root Where `/proc` and `/sys` are.
 */
export const memoryKills =
  (root = '/'): KillCount =>
  async () =>
    (await countIn(join(root, 'sys/fs/cgroup', await groupOf(root), 'memory.events'))) ??
    (await countIn(join(root, 'proc/vmstat')));

/** A last line for the log: the kernel's signal says nothing of its reason. */
export const wordsOfKill = ({ signal }: LaunchExit, before?: number, after?: number): string | undefined => {
  if (signal !== 'SIGKILL' || before === undefined || after === undefined || after <= before) return undefined;
  return 'error: Out of memory: the host had none left, and its kernel ended the trainer.';
};

/** The group in the one hierarchy of version 2; of older ones the host's own count has to do. */
const groupOf = async (root: string): Promise<string> => {
  const groups = (await readIfThere(join(root, 'proc/self/cgroup'))) ?? '';
  return /^0::(.*)$/m.exec(groups)?.[1] ?? '';
};

const countIn = async (file: string): Promise<number | undefined> => {
  const [, count] = COUNT.exec((await readIfThere(file)) ?? '') ?? [];
  return count === undefined ? undefined : Number(count);
};

/** Other systems than Linux have no such files, and some keep them from this user. */
const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (NOT_READABLE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};
