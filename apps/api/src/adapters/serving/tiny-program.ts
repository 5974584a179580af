import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type ServeRequest, TINY_PROGRAM } from '@influencerai/tiny';
import { Turns } from '../../http/turns.js';

export const TINY_RUNTIME = 'tiny';

const MAX_REASON = 300;

/** The program ended without a result; the message is what it said. */
export class TinyFailure extends Error {
  override readonly name = 'TinyFailure';
}

/** Runs the built-in models in child processes, a bounded number at a time. */
export class TinyProgram {
  private readonly turns: Turns;

  /** @param slots how many run at a time */
  constructor(slots: number) {
    this.turns = new Turns(TINY_RUNTIME, slots);
  }

  /**
   * One run. It is killed when the signal says so, also while it waits for its turn.
   * @param openLora its bytes; undefined runs the base model alone
   * @throws TinyFailure, AppError `runtime_busy`, `runtime_unavailable` when it was given up
   */
  run(request: ServeRequest, openLora: (() => Readable) | undefined, signal: AbortSignal): Promise<Buffer> {
    return this.turns.run(() => runOnce(request, openLora, signal), signal);
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
