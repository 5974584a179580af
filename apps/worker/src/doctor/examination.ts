import type { Gpu, TrainerId } from '@influencerai/shared';
import type { Env } from '../env.js';

/** A trainer as this host has it. */
export interface TrainerFinding {
  id: TrainerId;
  isInstalled: boolean;
  version?: string;
  python?: string;
  torch?: string;
  /** Version of CUDA that its torch can use; null on a CPU. */
  cuda?: string | null;
  bitsandbytes?: boolean;
  canStart: boolean;
  problem?: string;
}

export interface ModelFinding {
  name: string;
  trainer: TrainerId;
  /** Files of the entry that are not there. */
  missing: string[];
  /** What else keeps jobs from being planned with it. */
  problems: string[];
}

/** What `bin/worker models` finds; also its JSON. */
export interface ModelsFinding {
  file?: string;
  entries: ModelFinding[];
  /** Why the registry cannot be read. */
  problem?: string;
}

export interface DiskFinding {
  what: string;
  path: string;
  /** Undefined where it cannot be used. */
  freeBytes?: number;
  problem?: string;
}

/** How the datasets of jobs come to this host. */
export interface DatasetsFinding {
  access: Env['datasets']['access'];
  way: string;
}

/** What `bin/worker doctor` found; also its JSON. */
export interface Examination {
  host: string;
  node: string;
  memoryBytes: number;
  gpus: Gpu[];
  /** As `nvidia-smi` tells it. */
  driver?: string;
  gpuProblem?: string;
  disks: DiskFinding[];
  datasets: DatasetsFinding;
  api: { url: string; problem?: string };
  queue: { store: string; problem?: string };
  trainers: TrainerFinding[];
  models: ModelsFinding;
}

/** Whether a worker on this host could train anything. */
export const canWork = ({ trainers, gpuProblem }: Examination): boolean =>
  gpuProblem === undefined && trainers.some(({ canStart }) => canStart);

export const areModelsOk = ({ entries, problem }: ModelsFinding): boolean =>
  problem === undefined && entries.every(({ missing, problems }) => missing.length + problems.length === 0);
