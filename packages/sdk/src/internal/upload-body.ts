import type { UploadBody } from '../core/request-options.js';

/** The part of `fetch`'s options that an upload sets. `duplex` is what streams need; the DOM's types lack it. */
export interface UploadInit {
  body: FixedBody | ReadableStream<Uint8Array>;
  duplex?: 'half';
  /** Whether the same body can be sent a second time. */
  isReplayable: boolean;
}

export function toUploadInit(body: UploadBody): UploadInit {
  if (isFixed(body)) return { body: body as FixedBody, isReplayable: true };
  const stream = body instanceof ReadableStream ? body : toStream(body);
  return { body: stream, duplex: 'half', isReplayable: false };
}

type FixedBody = Uint8Array<ArrayBuffer> | ArrayBuffer | Blob;

const isFixed = (body: UploadBody): body is Uint8Array | ArrayBuffer | Blob =>
  body instanceof Uint8Array || body instanceof ArrayBuffer || body instanceof Blob;

/** Node's own streams are async iterables; browsers' `fetch` does not take those. */
function toStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  });
}
