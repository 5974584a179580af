import type { TrainerCommand } from '@influencerai/shared';
import { execa } from 'execa';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { endGroup, startOf } from './process-group.js';
import { forwardOutput } from './forward-output.js';
import type { Launcher, LaunchExit, LaunchRequest, OutputSink, RunningTrainer } from './launcher.js';
import { killWatcher, memoryKills, type KillCount, type KillWatch } from './memory-kills.js';
import { forgetTrainer, recordTrainer } from './stray-trainers.js';

const STREAM_END_MS = 2000;

/** Launches each trainer as a process of this host, leader of a group of its own, without a shell. */
export const processLauncher = (countKills: KillCount = memoryKills()): Launcher => {
  const watchKills = killWatcher(countKills);
  return { launch: async (request, output) => launch({ request, output, explain: await watchKills() }) };
};

interface LaunchInput {
  request: LaunchRequest;
  output: OutputSink;
  explain: KillWatch;
}

const launch = async ({ request, output, explain }: LaunchInput): Promise<RunningTrainer> => {
  const child = start(request);
  const { pid } = child;
  if (pid === undefined) throw new Error((await child).shortMessage ?? `${request.file} did not start`);
  // Before anything is waited for: Node and execa let streams run dry that nobody reads.
  const streams = Promise.all([
    forwardOutput(child.stdout, 'stdout', output),
    forwardOutput(child.stderr, 'stderr', output),
  ]);
  const exit = once(child.nodeChildProcess, 'exit') as Promise<[number | null, string | null]>;
  await recordOrEnd(request.workspaceDir, pid);
  return toRunningTrainer({ child, pid, exit, streams, output, explain, workspaceDir: request.workspaceDir });
};

type Child = ReturnType<typeof start>;

/** A trainer without a record would outlive a crash of the worker unseen. */
const recordOrEnd = async (workspaceDir: string, pid: number): Promise<void> => {
  try {
    await recordTrainer(workspaceDir, { pid, startedAt: await startOf(pid) });
  } catch (error) {
    await endGroup(pid, 0);
    throw error;
  }
};

interface Started {
  child: Child;
  pid: number;
  exit: Promise<[number | null, string | null]>;
  /** Resolves when both streams have ended. */
  streams: Promise<unknown>;
  output: OutputSink;
  /** A last line for the log, where the kernel knows more than the exit tells. */
  explain: KillWatch;
  workspaceDir: string;
}

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

const toRunningTrainer = (started: Started): RunningTrainer => ({
  exited: finish(started),
  send: (command: TrainerCommand) => {
    started.child.stdin.write(`${JSON.stringify(command)}\n`);
  },
  stop: (graceMs) => endGroup(started.pid, graceMs),
});

/** The leader's exit is not the end: what it started may live on and hold the streams open. */
const finish = async ({ child, pid, exit, streams, output, explain, workspaceDir }: Started): Promise<LaunchExit> => {
  const [exitCode, signal] = await exit;
  await endGroup(pid, 0);
  await Promise.race([streams, delay(STREAM_END_MS, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  const words = await explain({ exitCode, signal });
  if (words) say(output, words);
  await forgetTrainer(workspaceDir);
  return { exitCode, signal };
};

const say = (output: OutputSink, line: string): void => {
  output.write('stderr', Buffer.from(`${line}\n`));
  output.end('stderr');
};
