import { verdictOf } from './api/api.js';
import { Backoff } from './backoff.js';
import { pause } from './pause.js';

export interface Patience {
  retryMs: { first: number; max: number };
  signal: AbortSignal;
  /** Told of each failure that is waited out. */
  onTrouble: (error: unknown) => void;
}

/**
 * Asks the API again, ever more slowly, as long as it may still answer. Whoever gets somewhere resets the backoff.
 * @throws the reason of the signal once it aborts; whatever waiting does not help against
 */
export const untilAnswered = async <T>(
  ask: (backoff: Backoff) => Promise<T>,
  { retryMs, signal, onTrouble }: Patience,
): Promise<T> => {
  const backoff = new Backoff(retryMs.first, retryMs.max);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask(backoff);
    } catch (error) {
      signal.throwIfAborted();
      if (verdictOf(error) !== 'retry') throw error;
      onTrouble(error);
    }
    await pause(backoff.next(), signal);
  }
};
