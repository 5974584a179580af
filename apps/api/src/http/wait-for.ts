import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { clientGone } from './client-gone.js';

/** What may pass before an answer: proxies often give up after 60 s. */
const ANSWER_MS = 55_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** How long somebody waits. */
export interface Patience {
  /** In milliseconds since 1970. */
  deadline: number;
  /** Aborted when nobody waits any more. */
  signal?: AbortSignal | undefined;
}

/** The patience of a client, for everything that its request waits for together. */
export const patienceOf = (reply: FastifyReply): Patience => ({
  deadline: Date.now() + ANSWER_MS,
  signal: clientGone(reply),
});

/**
 * Looks at least once, and again, ever more seldom, until what is seen is what was waited for or the patience ends.
 * @returns what was seen last
 */
export async function waitFor<T>(
  look: () => Promise<T>,
  isDone: (seen: T) => boolean,
  { deadline, signal }: Patience,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(1.5 * pauseMs, LONGEST_PAUSE_MS)) {
    const seen = await look();
    const leftMs = deadline - Date.now();
    if (isDone(seen) || signal?.aborted || leftMs <= 0) return seen;
    // An abort ends the pause, too, and a last look follows.
    await pause(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => undefined);
  }
}
