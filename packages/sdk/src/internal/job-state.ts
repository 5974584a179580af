import type { JobWithProgress } from '../core/polling.js';
import { TERMINAL_STATUSES, type Job } from '../generated/types.js';

/** A state that this version does not know is not final. */
export const isTerminalStatus = (status: string): boolean => (TERMINAL_STATUSES as readonly string[]).includes(status);

export function hasProgress(job: Job): job is JobWithProgress {
  const progress = job.result?.progress;
  if (typeof progress !== 'object' || progress === null || Array.isArray(progress)) return false;
  return typeof progress.currentEpoch === 'number' && typeof progress.totalEpochs === 'number';
}
