import { execa } from 'execa';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * The processes that run in a trainer's environment, whoever started them: workers, `verify`, strays of a crash. What
 * another user runs is seen where the system shows it.
 */
export const runningIn = async (dir: string): Promise<number[]> => {
  const venv = await realpath(join(dir, 'venv')).catch(() => undefined);
  if (venv === undefined) return [];
  const processes = process.platform === 'linux' ? await fromProc() : await fromPs();
  const isIn = await Promise.all(processes.map(async ({ program }) => (await environmentOf(program)) === venv));
  return processes.filter((_, index) => isIn[index]).map(({ pid }) => pid);
};

interface RunningProgram {
  pid: number;
  /** As it was called; Python tells its environment by that. */
  program: string;
}

const environmentOf = (program: string): Promise<string | undefined> =>
  program.includes('/bin/') ? realpath(dirname(dirname(program))).catch(() => undefined) : Promise.resolve(undefined);

const fromProc = async (): Promise<RunningProgram[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = pids.map(async (pid) => {
    // Ended meanwhile, or hidden from this user.
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return { pid, program: line.split('\0')[0]! };
  });
  return Promise.all(found);
};

const fromPs = async (): Promise<RunningProgram[]> => {
  const { stdout } = await execa('ps', ['-axo', 'pid=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, program] = /^\s*(\d+)\s+(\S+)/.exec(line) ?? [];
    return pid && program ? [{ pid: Number(pid), program }] : [];
  });
};
