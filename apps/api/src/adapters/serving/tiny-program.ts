import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@influencerai/shared';
import { type ServeRequest, TINY_PROGRAM } from '@influencerai/tiny';

export const TINY_RUNTIME = 'tiny';

const MAX_REASON = 300;
/** For each that runs, so many may wait. */
const WAITING_PER_SLOT = 8;
/** What a generation takes, about. */
const BUSY_S = 2;

/** The program ended without a result; the message is what it said. */
export class TinyFailure extends Error {
  override readonly name = 'TinyFailure';
}

/** Runs the built-in models in child processes, a bounded number at a time. */
export class TinyProgram {
  private running = 0;
  private readonly waiting = new Set<() => void>();

  /** @param slots how many run at a time */
  constructor(private readonly slots: number) {}

  /**
   * One run. It is killed when the signal says so, also while it waits for its turn.
   * @param openLora its bytes; undefined runs the base model alone
   * @throws TinyFailure, AppError `runtime_busy`, `runtime_unavailable` when it was given up
   */
  async run(request: ServeRequest, openLora: (() => Readable) | undefined, signal: AbortSignal): Promise<Buffer> {
    await this.takeTurn(signal);
    try {
      return await runOnce(request, openLora, signal);
    } catch (error) {
      throw signal.aborted ? givenUp(signal, error) : error;
    } finally {
      this.endTurn();
    }
  }

  private async takeTurn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw givenUp(signal);
    if (this.running < this.slots) return void (this.running += 1);
    if (this.waiting.size >= this.slots * WAITING_PER_SLOT)
      throw new AppError('runtime_busy', { runtime: TINY_RUNTIME, retryAfterS: BUSY_S });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      if (this.waiting.delete(resolve)) reject(givenUp(signal));
    };
    this.waiting.add(resolve);
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** The place passes to the next one, so that nobody can slip in between. */
  private endTurn(): void {
    const [next] = this.waiting;
    if (!next) return void (this.running -= 1);
    this.waiting.delete(next);
    next();
  }
}

async function runOnce(
  request: ServeRequest,
  openLora: (() => Readable) | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  // Without the environment, which holds the secrets of the API.
  const child = spawn(process.execPath, [TINY_PROGRAM, 'serve-once'], { env: {}, signal, killSignal: 'SIGKILL' });
  const ended = once(child, 'close');
  // It may end without having read everything; what it says then is more than the broken pipe.
  const sent = pipeline(messageOf(request, openLora), child.stdin).catch((error: unknown) => error);
  const [[code], made, complaint, problem] = await Promise.all([ended, buffer(child.stdout), text(child.stderr), sent]);
  if (code === 0 && !problem) return made;
  if (problem && !isBrokenPipe(problem)) throw problem;
  throw new TinyFailure(complaint.trim().slice(0, MAX_REASON) || `It ended with ${String(code)}.`, { cause: problem });
}

const isBrokenPipe = (error: unknown): boolean =>
  ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '');

async function* messageOf(request: ServeRequest, openLora: (() => Readable) | undefined): AsyncGenerator<Buffer> {
  yield Buffer.from(`${JSON.stringify(request)}\n`);
  if (openLora) yield* openLora() as AsyncIterable<Buffer>;
}

const givenUp = (signal: AbortSignal, cause?: unknown): AppError => {
  const isLate = (signal.reason as Error | undefined)?.name === 'TimeoutError';
  const reason = isLate ? 'It took too long.' : 'The request was given up.';
  return new AppError('runtime_unavailable', { runtime: TINY_RUNTIME, reason }, { cause });
};
