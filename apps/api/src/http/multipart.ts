import type { IncomingHttpHeaders } from 'node:http';
import { finished, type Readable, Writable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { AppError } from '@influencerai/shared';
import { inBytes } from './in-bytes.js';

const MAX_FIELDS = 20;
const MAX_FIELD_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;

/** One part of a `multipart/form-data` body. */
export type FormPart =
  | { type: 'field'; name: string; value: string }
  /** `fileName` is as the client wrote it, folders included. What of `content` is not read is skipped. */
  | { type: 'file'; name: string; fileName: string; content: Readable };

/** A body that has not been read yet. */
export interface MultipartBody {
  headers: IncomingHttpHeaders;
  body: Readable;
  maxBytes: number;
}

/**
 * The parts of a body, one after the other, while they arrive. Holds no more than what came with one chunk: the next one
 * is asked for when all parts of the last have been taken, so that many small files cannot pile up. When the caller stops
 * early, the rest of the body is left to whoever answers the request.
 * @throws AppError `media_type_unsupported`, `multipart_malformed`, `upload_too_large`
 */
export async function* readParts({ headers, body, maxBytes }: MultipartBody): AsyncGenerator<FormPart> {
  const parser = createParser(headers);
  const overLimit = () => new AppError('upload_too_large', { what: 'it may have', limit: inBytes(maxBytes) });
  if (Number(headers['content-length']) > maxBytes) throw overLimit();
  const queue = new PartQueue();
  let receivedBytes = 0;
  parser
    .on('field', (name, value, _nameTruncated, valueTruncated) =>
      valueTruncated
        ? queue.fail(malformed(`the field ${name} is too long`))
        : queue.add({ type: 'field', name, value }),
    )
    .on('file', (name, content, fileName) => {
      // It also gets the parser's error, after which nobody may be listening any more.
      content.on('error', () => undefined);
      queue.add({ type: 'file', name, fileName, content });
    })
    .on('fieldsLimit', () => queue.fail(malformed(`it has more than ${MAX_FIELDS} fields`)))
    .on('finish', () => queue.end())
    .on('error', (error: Error) => queue.fail(malformed(error.message, error)));
  const feeder = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if ((receivedBytes += chunk.length) > maxBytes) return done(overLimit());
      parser.write(chunk, () => void queue.whenTaken().then(() => done()));
    },
    final: (done) => parser.end(done),
  });
  feeder.on('error', (error) => queue.fail(error));
  const forget = finished(
    body,
    { writable: false },
    (error) => error && queue.fail(malformed('it ended early', error)),
  );
  body.pipe(feeder);
  try {
    for (let part = await queue.take(); part; part = await queue.take()) {
      yield part;
      if (part.type === 'file') part.content.resume();
    }
  } finally {
    forget();
    body.unpipe(feeder);
    feeder.destroy();
    body.resume();
  }
}

function createParser(headers: IncomingHttpHeaders) {
  const contentType = headers['content-type'] ?? 'none';
  if (!/^multipart\/form-data\b/i.test(contentType)) {
    throw new AppError('media_type_unsupported', { contentType, expected: 'multipart/form-data' });
  }
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      // A name that leads elsewhere is for the caller to refuse, not for the parser to shorten.
      preservePath: true,
      limits: { fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES, headerSize: MAX_HEADER_BYTES, headerPairs: 20 },
    });
  } catch (error) {
    throw malformed('the content type names no boundary', error);
  }
}

const malformed = (reason: string, cause?: unknown): AppError =>
  new AppError('multipart_malformed', { reason: reason.replace(/\.$/, '') }, { cause });

/** Parts that were found and not taken yet. */
class PartQueue {
  private readonly parts: FormPart[] = [];
  private state: { isOver: boolean; error?: Error } = { isOver: false };
  private current: Readable | undefined;
  private notify: () => void = () => undefined;
  private release: () => void = () => undefined;

  add(part: FormPart): void {
    this.parts.push(part);
    this.notify();
  }

  end(): void {
    this.state.isOver = true;
    this.notify();
  }

  /** The part that is being read fails with it, too. */
  fail(error: Error): void {
    if (this.state.isOver) return;
    this.state = { isOver: true, error };
    this.parts.length = 0;
    this.current?.destroy(error);
    this.notify();
    this.release();
  }

  /** @returns undefined at the end */
  async take(): Promise<FormPart | undefined> {
    while (this.parts.length === 0 && !this.state.isOver) {
      await new Promise<void>((resolve) => (this.notify = resolve));
    }
    if (this.state.error) throw this.state.error;
    const part = this.parts.shift();
    this.current = part?.type === 'file' ? part.content : undefined;
    if (this.parts.length === 0) this.release();
    return part;
  }

  /** When nothing waits any more. */
  async whenTaken(): Promise<void> {
    if (this.parts.length > 0) await new Promise<void>((resolve) => (this.release = resolve));
  }
}
