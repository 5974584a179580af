import type { Job, JobProgress } from '../generated/types.js';
import { hasProgress, isTerminalStatus } from '../internal/job-state.js';
import { isTransient, retryAfterOf } from '../internal/retry-policy.js';
import { sleep } from '../internal/sleep.js';
import { InfluencerAIError, JobFailedError, WaitTimeoutError } from './errors.js';
import type { RequestOptions } from './request-options.js';

const DEFAULT_POLL_INTERVAL_MS = 5_000;
const DEFAULT_TIMEOUT_MS = 2 * 60 * 60 * 1000;
/** The last look at a job gets this long, even when the time limit is nearer. */
const SHORTEST_REQUEST_MS = 1_000;

/** A job whose progress is known. The epochs are always there; a job driven from outside may leave out the rest. */
export type JobWithProgress = Job & {
  result: { progress: Pick<JobProgress, 'currentEpoch' | 'totalEpochs'> & Partial<JobProgress> };
};

/** What our workers write into the result of a completed job. */
export type CompletedJobResult = {
  /** The final weights, below the project root. */
  loraPath: string;
  /** In its place, of a job that makes an index. */
  indexPath: string;
  checkpoints: string[];
  finalLoss: number | null;
  trainingTimeMinutes: number;
};

/** A job that delivered its weights. A job driven from outside may leave parts of the result out. */
export type CompletedJob = Job & { status: 'completed'; result: Partial<CompletedJobResult> | null };

/** Options of `jobs.waitForCompletion`. All times are in milliseconds. */
export interface WaitOptions extends Omit<RequestOptions, 'idempotencyKey' | 'maxRetries'> {
  /** Called after each poll that found `result.progress`. What it throws ends the wait. */
  onProgress?: (job: JobWithProgress) => void | Promise<void>;
  /** Pause between two polls. Default: 5 s. */
  pollInterval?: number;
  /** Time limit of the whole wait. Default: 2 hours; `Infinity` for none. */
  timeout?: number;
}

export interface PollParams {
  jobId: string;
  load: (options: RequestOptions) => PromiseLike<Job>;
  requestTimeoutMs: number;
  options: WaitOptions;
}

/** Asks again and again until the job is in a terminal state. A state that this version does not know is not final. */
export async function pollUntilTerminal({ jobId, load, ...params }: PollParams): Promise<CompletedJob> {
  const {
    onProgress,
    pollInterval = DEFAULT_POLL_INTERVAL_MS,
    timeout = DEFAULT_TIMEOUT_MS,
    ...options
  } = params.options;
  if (!(pollInterval > 0)) throw new InfluencerAIError('pollInterval must be more than 0 ms.');
  const requestTimeoutMs = options.timeoutMs ?? params.requestTimeoutMs;
  const deadline = Date.now() + timeout;
  let job: Job | undefined;
  let failure: unknown;
  for (;;) {
    const timeoutMs = Math.min(requestTimeoutMs, Math.max(deadline - Date.now(), SHORTEST_REQUEST_MS));
    failure = undefined;
    try {
      job = await load({ ...options, timeoutMs, maxRetries: 0 });
    } catch (error) {
      if (!isTransient(error)) throw error;
      failure = error;
    }
    if (job && isTerminalStatus(job.status)) return settle(job);
    if (job && !failure && hasProgress(job)) await onProgress?.(job);
    const remainingMs = deadline - Date.now();
    if (remainingMs <= 0) throw new WaitTimeoutError(jobId, job, timeout, { cause: failure });
    await sleep(Math.min(Math.max(pollInterval, retryAfterOf(failure) ?? 0), remainingMs), options.signal);
  }
}

function settle(job: Job): CompletedJob {
  if (job.status !== 'completed') throw new JobFailedError(job);
  return job as CompletedJob;
}
