import type { TrainerCommand } from '@influencerai/shared';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createArguments, environmentFile, JOB_LABEL, WORKER_LABEL } from './container-arguments.js';
import type { Attachment, ContainerEngine, ContainerState } from './container-engine.js';
import { exitOf, lastWords } from './container-exit.js';
import { handOver, withPrivateFile } from './container-files.js';
import { mountsFor } from './container-mounts.js';
import type { ContainerSettings } from './container-settings.js';
import { forwardOutput } from './forward-output.js';
import type { Launcher, LaunchExit, LaunchRequest, OutputSink, RunningTrainer } from './launcher.js';

/** How long a trainer may save whose client broke off. */
const BROKEN_GRACE_MS = 30_000;
const KILLED_WITHIN_MS = 15_000;
const START_POLL_MS = 50;
const ENGINE_BACK = { tries: 30, everyMs: 2000 };

export interface DockerLauncherInput {
  engine: ContainerEngine;
  settings: ContainerSettings;
  workerId: string;
}

/**
 * Launches each trainer in a container of its own, `training-<job id>`. Its standard streams are those of an attached
 * client; when the worker dies they close, and the trainer saves and ends as it does without a container.
 */
export const dockerLauncher = (input: DockerLauncherInput): Launcher => ({
  launch: async (request, output) => {
    const { engine, settings } = input;
    // Left by an attempt that this one replaces.
    for (const left of await engine.withLabel(`${JOB_LABEL}=${request.job.jobId}`)) await engine.remove(left);
    const id = await create(input, request);
    const child = engine.startAttached(id);
    return toRunningTrainer({ engine, id, child, output, memory: settings.memory });
  },
  endStrays: async (graceMs) => {
    const ids = await input.engine.withLabel(`${WORKER_LABEL}=${input.workerId}`);
    await Promise.all(ids.map((id) => endStray(input.engine, id, graceMs)));
    return ids;
  },
});

const create = async ({ engine, settings, workerId }: DockerLauncherInput, request: LaunchRequest): Promise<string> => {
  const { workspaceDir, reads } = request;
  const mounts = await mountsFor(workspaceDir, reads);
  await handOver(workspaceDir, settings.user);
  return withPrivateFile(environmentFile(request), (envFile) =>
    engine.create(createArguments({ request, settings, mounts, workerId, envFile })),
  );
};

/** `docker rm` kills what still runs, so a container that never ends is gone too. */
const endStray = async (engine: ContainerEngine, id: string, graceMs: number): Promise<void> => {
  if (graceMs > 0 && (await engine.signal(id, 'TERM'))) await engine.endsWithin(id, graceMs);
  await engine.remove(id);
};

interface Started {
  engine: ContainerEngine;
  id: string;
  child: Attachment;
  output: OutputSink;
  memory: string | undefined;
}

const toRunningTrainer = (started: Started): RunningTrainer => {
  const exited = finish(started);
  return {
    exited,
    send: (command: TrainerCommand) => {
      started.child.stdin.write(`${JSON.stringify(command)}\n`);
    },
    stop: (graceMs) => stop(started, exited, graceMs),
  };
};

/** The client's end is not the container's: either may outlive the other. */
const finish = async (started: Started): Promise<LaunchExit> => {
  const { engine, id, child, output, memory } = started;
  const streams = [forwardOutput(child.stdout, 'stdout', output), forwardOutput(child.stderr, 'stderr', output)];
  await Promise.all([...streams, once(child.nodeChildProcess, 'exit')]);
  const end = await patiently(() => endOf(engine, id));
  const words = end.isBroken ? BROKEN : lastWords(end.state, memory);
  if (words) say(output, words);
  if (end.isBroken) return { exitCode: 1, signal: null };
  // What is gone was removed by force.
  return end.state ? exitOf(end.state.exitCode) : { exitCode: null, signal: 'SIGKILL' };
};

const BROKEN = 'error: The connection to the container broke; the trainer was stopped.';

interface End {
  state: ContainerState | undefined;
  isBroken: boolean;
}

const endOf = async (engine: ContainerEngine, id: string): Promise<End> => {
  const state = await engine.state(id);
  const isBroken = state?.isRunning === true;
  if (isBroken) await endStray(engine, id, BROKEN_GRACE_MS);
  else await engine.remove(id);
  return { state, isBroken };
};

/** An engine that is being restarted answers again; one that stays away leaves the container to the worker's next start. */
const patiently = async (look: () => Promise<End>): Promise<End> => {
  for (let tries = 1; tries < ENGINE_BACK.tries; tries++) {
    try {
      return await look();
    } catch {
      // The engine does not answer; there is nobody else to ask.
      await delay(ENGINE_BACK.everyMs);
    }
  }
  return look().catch(() => ({ state: undefined, isBroken: true }));
};

const say = (output: OutputSink, line: string): void => {
  output.write('stderr', Buffer.from(`${line}\n`));
  output.end('stderr');
};

const stop = async ({ engine, id }: Started, exited: Promise<LaunchExit>, graceMs: number): Promise<void> => {
  const deadline = Date.now() + graceMs;
  if (graceMs > 0 && (await asksToEnd({ engine, id, exited, deadline }))) {
    if (await isOver(exited, deadline - Date.now())) return;
  }
  // One that has not begun yet takes no signal, and must not begin any more.
  if (!(await engine.signal(id, 'KILL')) && !(await engine.hasEnded(id))) await engine.remove(id);
  if (!(await isOver(exited, KILLED_WITHIN_MS))) throw new Error(`The container ${id} does not end.`);
};

interface Asking {
  engine: ContainerEngine;
  id: string;
  exited: Promise<LaunchExit>;
  deadline: number;
}

/** Asks again while the container is being started: a signal before that is lost. */
const asksToEnd = async ({ engine, id, exited, deadline }: Asking): Promise<boolean> => {
  while (!(await engine.signal(id, 'TERM'))) {
    if (Date.now() >= deadline || (await isOver(exited, START_POLL_MS))) return false;
  }
  return true;
};

const isOver = (exited: Promise<LaunchExit>, limitMs: number): Promise<boolean> =>
  Promise.race([exited.then(() => true), delay(Math.max(0, limitMs), false, { ref: false })]);
