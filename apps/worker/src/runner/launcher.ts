import type { TrainerCommand } from '@influencerai/shared';
import type { Readable } from 'node:stream';

export interface LaunchRequest {
  file: string;
  args: readonly string[];
  /** The whole environment: nothing of the worker's own reaches the trainer. */
  env: Record<string, string>;
  workspaceDir: string;
}

export interface LaunchExit {
  exitCode: number | null;
  signal: string | null;
}

/** A trainer that runs. */
export interface RunningTrainer {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when no process of the trainer is left and both streams have ended. */
  readonly exited: Promise<LaunchExit>;
  send(command: TrainerCommand): void;
  /** Ends the trainer with everything that it started; with a grace time of 0 at once. */
  stop(graceMs: number): Promise<void>;
}

/** Starts trainers: as processes of this host, later also in containers. */
export interface Launcher {
  launch(request: LaunchRequest): Promise<RunningTrainer>;
}
