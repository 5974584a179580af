import type { TrainerCommand } from '@influencerai/shared';
import { execa } from 'execa';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { endGroup, startOf } from './process-group.js';
import type { Launcher, LaunchExit, LaunchRequest, RunningTrainer } from './launcher.js';
import { forgetTrainer, recordTrainer } from './stray-trainers.js';

const STREAM_END_MS = 2000;

/** Launches a trainer as a process of this host, leader of a group of its own, without a shell. */
export const processLauncher: Launcher = {
  launch: async (request) => {
    const child = start(request);
    if (child.pid === undefined) throw new Error((await child).shortMessage ?? `${request.file} did not start`);
    const exit = once(child.nodeChildProcess, 'exit') as Promise<[number | null, string | null]>;
    await recordTrainer(request.workspaceDir, { pid: child.pid, startedAt: await startOf(child.pid) });
    return toRunningTrainer(child, child.pid, exit, request.workspaceDir);
  },
};

type Child = ReturnType<typeof start>;

const start = ({ file, args, env, workspaceDir }: LaunchRequest) => {
  const child = execa(file, args, {
    cwd: workspaceDir,
    env,
    extendEnv: false,
    // A group of its own, so that one signal reaches everything the trainer starts.
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  // A trainer that ended no longer reads; its exit is reported by `exited`.
  child.stdin.on('error', () => undefined);
  return child;
};

const toRunningTrainer = (
  child: Child,
  pid: number,
  exit: Promise<[number | null, string | null]>,
  workspaceDir: string,
): RunningTrainer => ({
  stdout: child.stdout,
  stderr: child.stderr,
  exited: finish({ child, pid, exit, workspaceDir }),
  send: (command: TrainerCommand) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
  },
  stop: (graceMs) => endGroup(pid, graceMs),
});

interface FinishInput {
  child: Child;
  pid: number;
  exit: Promise<[number | null, string | null]>;
  workspaceDir: string;
}

/** The leader's exit is not the end: what it started may live on and hold the streams open. */
const finish = async ({ child, pid, exit, workspaceDir }: FinishInput): Promise<LaunchExit> => {
  const streams = Promise.all([closed(child.stdout), closed(child.stderr)]);
  const [exitCode, signal] = await exit;
  await endGroup(pid, 0);
  await Promise.race([streams, delay(STREAM_END_MS, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  await forgetTrainer(workspaceDir);
  return { exitCode, signal };
};

const closed = async (stream: Readable): Promise<void> => {
  if (!stream.closed) await once(stream, 'close');
};
