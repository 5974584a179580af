import { setTimeout as delay } from 'node:timers/promises';

const LIMIT_MS = 40_000;
const POLL_MS = 10;

/** Waits until the condition gives something true; says what it waited for when it never does. */
export const until = async <T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> => {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await delay(POLL_MS);
  }
};
