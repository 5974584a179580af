import type { Job } from '../generated/types.js';

/** Base of every error that this package throws. */
export class InfluencerAIError extends Error {
  override readonly name: string = 'InfluencerAIError';
}

/** The server could not be reached, or the connection broke. `cause` has the original error. */
export class ConnectionError extends InfluencerAIError {
  override readonly name = 'ConnectionError';
}

/** One request took longer than `timeoutMs`. */
export class TimeoutError extends InfluencerAIError {
  override readonly name = 'TimeoutError';
}

/** The caller's `signal` was aborted. `cause` has its reason. */
export class AbortError extends InfluencerAIError {
  override readonly name = 'AbortError';

  constructor(signal?: AbortSignal) {
    super('The request was aborted.', { cause: signal?.reason });
  }
}

/** The server answered 2xx with something else than was asked for: usually a wrong `baseUrl`. */
export class InvalidResponseError extends InfluencerAIError {
  override readonly name = 'InvalidResponseError';
}

/** The job did not end within the `timeout` given to `waitForCompletion`. It goes on; `job` is its last known state. */
export class WaitTimeoutError extends InfluencerAIError {
  override readonly name = 'WaitTimeoutError';

  constructor(
    readonly jobId: string,
    readonly job: Job | undefined,
    timeoutMs: number,
    options?: ErrorOptions,
  ) {
    super(`Job ${jobId} was ${job?.status ?? 'not seen'} when the time limit of ${timeoutMs} ms was over.`, options);
  }
}

/** The job that was waited for ended as `failed` or `cancelled`. */
export class JobFailedError extends InfluencerAIError {
  override readonly name = 'JobFailedError';
  /** Stable reason, where the server gave one, for example `trainer_out_of_memory`. */
  readonly code: string | undefined;

  constructor(readonly job: Job) {
    const { error, code } = job.result ?? {};
    super(typeof error === 'string' ? error : `Job ${job.id} was ${job.status}.`);
    this.code = typeof code === 'string' ? code : undefined;
  }
}
