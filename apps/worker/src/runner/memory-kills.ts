import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchExit } from './launcher.js';

/** How often the kernel has ended a process for want of memory. */
export interface Kills {
  count: number;
  /** Whether the count is that of the worker's own control group, not of the whole host. */
  isOwn: boolean;
}

/** Undefined where the kernel does not say. */
export type KillCount = () => Promise<Kills | undefined>;

const NOT_READABLE = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];
const COUNT = /^oom_kill (\d+)$/m;

/**
 * Counts for the control group of this process, which its trainers are in too; where that has none, for the whole host.
 * @param root Where `/proc` and `/sys` are.
 */
export const memoryKills =
  (root = '/'): KillCount =>
  async () => {
    const own = await countIn(join(root, 'sys/fs/cgroup', await groupOf(root), 'memory.events'));
    const count = own ?? (await countIn(join(root, 'proc/vmstat')));
    return count === undefined ? undefined : { count, isOwn: own !== undefined };
  };

/**
 * A last line for the log: an exit says nothing of the kernel's reason. A trainer of several processes lives on when one
 * of them is killed, and ends by itself with a code; the count of the host tells nothing of one that does, since it may
 * be that of any other program.
 */
export const wordsOfKill = ({ exitCode, signal }: LaunchExit, before?: Kills, after?: Kills): string | undefined => {
  if (before === undefined || after === undefined || after.count <= before.count) return undefined;
  if (signal !== 'SIGKILL' && (exitCode === null || exitCode === 0 || !after.isOwn)) return undefined;
  return 'error: Out of memory: the host had none left, and its kernel ended the trainer.';
};

/** Resolves to the words about the kill that ended a trainer, if one did. */
export type KillWatch = (exit: LaunchExit) => Promise<string | undefined>;

/**
 * Begins to watch when a trainer is launched. Trainers beside one another share the count, so that a kill of which one
 * was told counts for no other that ends with a code of its own, perhaps hours later.
 */
export const killWatcher = (count: KillCount): (() => Promise<KillWatch>) => {
  let told = 0;
  return async () => {
    const before = await count();
    return async (exit) => {
      if (exit.exitCode === 0) return undefined;
      const after = await count();
      const known = before && exit.signal === null ? { ...before, count: Math.max(before.count, told) } : before;
      const words = wordsOfKill(exit, known, after);
      if (words !== undefined) told = after?.count ?? told;
      return words;
    };
  };
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
