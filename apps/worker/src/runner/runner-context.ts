import type { ModelRegistry } from '@influencerai/trainers';
import type { Logger } from 'pino';
import type { Api } from '../api/api.js';
import type { DatasetAccess } from '../datasets/dataset-access.js';
import type { Programs } from '../programs.js';
import type { StartCheck } from '../start-check.js';
import type { Launcher } from './launcher.js';

/** How often things are sent; constants but for tests. */
export interface Pace {
  progressMs: number;
  logsMs: number;
  /** How often a folder is looked through whose trainer announces nothing. */
  filesMs: number;
  retryMs: { first: number; max: number };
  /** How often to look for folders that nobody needs any more. */
  forgetMs: number;
  /** How long to wait before a folder that could not be written is tried again. */
  folderRetryMs: { first: number; max: number };
}

export const DEFAULT_PACE: Pace = {
  progressMs: 1000,
  logsMs: 1000,
  filesMs: 10_000,
  forgetMs: 3_600_000,
  retryMs: { first: 500, max: 15_000 },
  folderRetryMs: { first: 5000, max: 60_000 },
};

/** What every job of a worker shares. */
export interface RunnerContext {
  api: Api;
  launcher: Launcher;
  programs: Programs;
  /** Asked before each job: the installation may have changed since the worker began to offer it. */
  startProblem: StartCheck;
  /** What this host has of the base models. */
  models: ModelRegistry;
  workerDir: string;
  datasets: DatasetAccess;
  /** How long a trainer may take to save and stop; undefined leaves it to the trainer. */
  graceMs: number | undefined;
  keepWorkspaces: number;
  /** Environment that every trainer gets. */
  trainerBase: Record<string, string>;
  /** Added for jobs that download from the Hugging Face hub. */
  hubBase: Record<string, string>;
  /** Absolute paths in it. */
  hubFiles: readonly string[];
  /** Whether jobs may train models of the hub that the registry does not name. */
  isHubOpen: boolean;
  /** Added for jobs that make vectors. */
  embeddingsBase: Record<string, string>;
  /** What no line of a trainer may show. */
  secrets: readonly string[];
  pace: Pace;
  log: Logger;
}
