import { AppError } from '@influencerai/shared';

/** For each that runs, so many may wait. */
const WAITING_PER_SLOT = 8;
/** What one takes, about. */
const BUSY_S = 2;

/** Lets a bounded number of programs run at a time, and a bounded number of callers wait for them. */
export class Turns {
  private running = 0;
  private readonly waiting = new Set<() => void>();

  /**
   * @param runtime what it is called in errors
   * @param slots how many run at a time
   */
  constructor(
    private readonly runtime: string,
    private readonly slots: number,
  ) {}

  /**
   * Does the work once it is its turn; not at all when the caller gives up before.
   * @throws AppError `runtime_busy`, `runtime_unavailable` when it was given up
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.take(signal);
    try {
      return await work();
    } catch (error) {
      throw signal.aborted ? this.givenUp(signal, error) : error;
    } finally {
      this.end();
    }
  }

  private async take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw this.givenUp(signal);
    if (this.running < this.slots) return void (this.running += 1);
    if (this.waiting.size >= this.slots * WAITING_PER_SLOT)
      throw new AppError('runtime_busy', { runtime: this.runtime, retryAfterS: BUSY_S });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      if (this.waiting.delete(resolve)) reject(this.givenUp(signal));
    };
    this.waiting.add(resolve);
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** The place passes to the next one, so that nobody can slip in between. */
  private end(): void {
    const [next] = this.waiting;
    if (!next) return void (this.running -= 1);
    this.waiting.delete(next);
    next();
  }

  private givenUp(signal: AbortSignal, cause?: unknown): AppError {
    const isLate = (signal.reason as Error | undefined)?.name === 'TimeoutError';
    const reason = isLate ? 'It took too long.' : 'The request was given up.';
    return new AppError('runtime_unavailable', { runtime: this.runtime, reason }, { cause });
  }
}
