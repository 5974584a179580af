/** Terminals, `timeout` and package runners may deliver one interruption twice. */
const SAME_MS = 500;

/** Ctrl-C and SIGTERM: the first one aborts the signal, so that the work can end in order; the second one is final. */
export const onInterrupt = (onSecond: () => void): AbortSignal => {
  const controller = new AbortController();
  let firstAt = 0;
  const handle = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (Date.now() - firstAt < SAME_MS) return;
      onSecond();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    firstAt = Date.now();
    controller.abort(new InterruptedError(signal));
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return controller.signal;
};

export class InterruptedError extends Error {
  constructor(readonly by: NodeJS.Signals) {
    super('Interrupted.');
    this.name = 'InterruptedError';
  }

  get exitCode(): number {
    return this.by === 'SIGINT' ? 130 : 143;
  }
}

/** Resolves when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
