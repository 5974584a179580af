import { AbortError, ConnectionError, InfluencerAIError, TimeoutError } from '../core/errors.js';
import { codeOf } from './retry-policy.js';
import { toTimerMs } from './sleep.js';

export interface AttemptLimits {
  url: string;
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Runs one attempt under a time limit and the caller's signal, and says in our own errors how it failed. */
export async function runAttempt<T>(
  { url, timeoutMs, signal }: AttemptLimits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw new AbortError(signal);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), toTimerMs(timeoutMs));
  try {
    return await work(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
  } catch (error) {
    if (error instanceof InfluencerAIError) throw error;
    if (signal?.aborted) throw new AbortError(signal);
    if (limit.signal.aborted) throw new TimeoutError(`No answer from ${url} within ${timeoutMs} ms.`, { cause: error });
    throw toConnectionError(error, url);
  } finally {
    clearTimeout(timer);
  }
}

export function toConnectionError(error: unknown, url: string): ConnectionError {
  const reason = codeOf(error) ?? String(error);
  return new ConnectionError(`The connection to ${url} failed (${reason}).`, { cause: error });
}
