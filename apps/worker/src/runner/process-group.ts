import { execa } from 'execa';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const GONE_POLL_MS = 20;
const KILLED_WITHIN_MS = 5000;

/** A live member of a process group. */
export interface GroupMember {
  pid: number;
  /** Identifies the process together with the pid, since pids are used again. */
  startedAt: string;
}

interface ProcessRow extends GroupMember {
  group: number;
  isZombie: boolean;
}

/** The processes of a group that still run. Zombies do not: where nobody reaps them they stay for ever. */
export const groupMembers = async (group: number): Promise<GroupMember[]> => {
  if (!signalGroup(group, 0)) return [];
  const rows = process.platform === 'linux' ? await rowsFromProc() : await rowsFromPs();
  return rows.filter((row) => row.group === group && !row.isZombie);
};

/** When a process started, in whatever form this system tells it; undefined when no such process runs. */
export const startOf = async (pid: number): Promise<string | undefined> => {
  const row =
    process.platform === 'linux' ? await procRow(pid) : (await rowsFromPs()).find((other) => other.pid === pid);
  return row?.isZombie ? undefined : row?.startedAt;
};

/** Sends a signal to every process of the group; false when none is left. */
export const signalGroup = (group: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
};

/** Ends a whole group: asks first, kills after the grace time, and returns when no member is left. */
export const endGroup = async (group: number, graceMs: number): Promise<void> => {
  if (graceMs > 0 && signalGroup(group, 'SIGTERM') && (await isGoneWithin(group, graceMs))) return;
  signalGroup(group, 'SIGKILL');
  if (!(await isGoneWithin(group, KILLED_WITHIN_MS))) throw new Error(`Process group ${group} does not die.`);
};

const isGoneWithin = async (group: number, limitMs: number): Promise<boolean> => {
  const deadline = Date.now() + limitMs;
  while ((await groupMembers(group)).length > 0) {
    if (Date.now() >= deadline) return false;
    await delay(GONE_POLL_MS);
  }
  return true;
};

const rowsFromProc = async (): Promise<ProcessRow[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = await Promise.all(pids.map(procRow));
  return rows.filter((row) => row !== undefined);
};

const procRow = async (pid: number): Promise<ProcessRow | undefined> => {
  const stat = await readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, so fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  return { pid, group: Number(group), isZombie: state === 'Z', startedAt: `${await bootId()}:${fields[19]}` };
};

const bootId = async (): Promise<string> => ((await readProc('/proc/sys/kernel/random/boot_id')) ?? '').trim();

/** Undefined when the process ended in the meantime. */
const readProc = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
};

const rowsFromPs = async (): Promise<ProcessRow[]> => {
  const { stdout } = await execa('ps', ['-axo', 'pid=,pgid=,stat=,lstart='], { env: { LC_ALL: 'C' } });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, group, state, startedAt] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (!pid || !group || !state || !startedAt) return [];
    return [{ pid: Number(pid), group: Number(group), isZombie: state.startsWith('Z'), startedAt }];
  });
};
