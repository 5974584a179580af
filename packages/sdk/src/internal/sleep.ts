import { AbortError } from '../core/errors.js';

/** Timers hold 31 bits; a longer delay, `Infinity` included, would fire at once. */
export const toTimerMs = (delayMs: number): number => Math.min(delayMs, 2 ** 31 - 1);

/** Resolves after the delay; rejects with an `AbortError` as soon as the signal is aborted. */
export function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(new AbortError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, toTimerMs(delayMs));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
