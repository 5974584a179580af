import type { TrainerCommand, TrainerId } from '@influencerai/shared';

export interface LaunchRequest {
  file: string;
  args: readonly string[];
  /** The whole environment: nothing of the worker's own reaches the trainer. */
  env: Record<string, string>;
  workspaceDir: string;
  /** Absolute paths outside the workspace that the trainer reads. */
  reads: readonly string[];
  job: { jobId: string; attempt: number; trainer: TrainerId };
  /** Numbers of the GPUs that the job has on this host. */
  gpus: readonly number[];
}

/** Trouble of this host, not of the job: another can run it. */
export class HostFault extends Error {
  override readonly name = 'HostFault';
}

/** This host lacks what the job needs, and another may have it. The message says what, to the tenant. */
export class HostLack extends Error {
  override readonly name = 'HostLack';
}

/** A lack that may pass by itself, as that of room on a disk. */
export class PassingLack extends HostLack {}

/** Takes what a trainer prints, as it comes; it must not make the trainer wait. */
export interface OutputSink {
  write(stream: OutputStream, chunk: Uint8Array): void;
  end(stream: OutputStream): void;
}

export type OutputStream = 'stdout' | 'stderr';

export interface LaunchExit {
  exitCode: number | null;
  signal: string | null;
}

/** A trainer that runs. */
export interface RunningTrainer {
  /** Resolves when no process of the trainer is left and the sink has all that it printed. */
  readonly exited: Promise<LaunchExit>;
  send(command: TrainerCommand): void;
  /** Ends the trainer with everything that it started; with a grace time of 0 at once. */
  stop(graceMs: number): Promise<void>;
}

/** Starts trainers: as processes of this host, or in containers. */
export interface Launcher {
  launch(request: LaunchRequest, output: OutputSink): Promise<RunningTrainer>;
  /** Ends what a worker that crashed left running beside its workspaces; resolves to what it was. */
  endStrays?(graceMs: number): Promise<string[]>;
}
