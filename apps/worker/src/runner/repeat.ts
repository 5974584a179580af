import { pause } from '../pause.js';

export interface Repetition {
  /** Resolves when the action runs no more. */
  stop(): Promise<void>;
}

/** Does something every so often, one time after the other, until it is stopped. An error ends only its own time. */
export const repeat = (
  action: () => Promise<void>,
  { everyMs, onError }: { everyMs: number; onError: (error: unknown) => void },
): Repetition => {
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await pause(everyMs, stopped.signal);
      if (!stopped.signal.aborted) await action().catch(onError);
    }
  };
  const running = run();
  return {
    stop: () => {
      stopped.abort();
      return running;
    },
  };
};
