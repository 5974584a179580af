import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  timeoutMs: number;
  intervalMs?: number;
  what: string;
  signal?: AbortSignal;
}

/** Asks again and again until the answer is neither undefined nor false; fails after the time limit. */
export const waitUntil = async <T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs, intervalMs = 50, what, signal }: WaitOptions,
): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}.`);
    await sleep(intervalMs, undefined, { signal });
  }
};
