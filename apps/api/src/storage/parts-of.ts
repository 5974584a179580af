import { finished, type Readable } from 'node:stream';

/** Part of a stream. Only the last one may be shorter than the others, or empty when it is the only one. */
export interface Part {
  body: Buffer;
  isLast: boolean;
}

/**
 * Cuts a stream into parts of one size, one at a time: while a part is worked on, the stream waits. The stream is never
 * destroyed.
 */
export async function* partsOf(
  content: Readable,
  { partBytes, signal }: { partBytes: number; signal?: AbortSignal },
): AsyncGenerator<Part> {
  let chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunksOf(content, signal)) {
    for (let rest = chunk; rest.length > 0;) {
      // Only when more has come is it known that a full part is not the last.
      if (length === partBytes) {
        yield { body: Buffer.concat(chunks), isLast: false };
        [chunks, length] = [[], 0];
      }
      const piece = rest.subarray(0, partBytes - length);
      chunks.push(piece);
      length += piece.length;
      rest = rest.subarray(piece.length);
    }
  }
  yield { body: Buffer.concat(chunks), isLast: true };
}

/** What a stream brings before it ends or breaks. */
export async function* untilBroken(content: Readable): AsyncGenerator<Buffer> {
  try {
    yield* chunksOf(content);
  } catch (error) {
    // Whoever called sees the error by the stream itself.
    if (!content.errored && !content.readableAborted) throw error;
  }
}

/** What a stream brings. `for await` over the stream itself would destroy it in the end. */
export async function* chunksOf(content: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const wake = { now: (): void => undefined };
  const state: { isOver: boolean; error?: unknown } = { isOver: false };
  const forget = finished(content, { writable: false }, (error) => {
    Object.assign(state, { isOver: true, error: error ?? undefined });
    wake.now();
  });
  const onReadable = (): void => wake.now();
  const onAbort = (): void => wake.now();
  content.on('readable', onReadable);
  signal?.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const chunk = content.read() as Buffer | string | null;
      if (chunk !== null) {
        yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        continue;
      }
      if (state.error !== undefined) throw state.error as Error;
      if (state.isOver) return;
      await new Promise<void>((resolve) => (wake.now = resolve));
    }
  } finally {
    forget();
    content.off('readable', onReadable);
    signal?.removeEventListener('abort', onAbort);
  }
}
