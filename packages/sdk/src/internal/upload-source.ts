import { InfluencerAIError } from '../core/errors.js';
import type { UploadBody } from '../core/request-options.js';

/** Gives out a file piece by piece, and the same piece again when it did not arrive. */
export interface UploadSource {
  sizeBytes: number;
  /** What comes next from there; an offset may only go back within the last piece. */
  pieceAt(offset: number): Promise<Blob | Uint8Array<ArrayBuffer>>;
}

/** @param sizeBytes is needed for streams, which do not know it */
export function toSource(body: UploadBody, pieceBytes: number, sizeBytes?: number): UploadSource {
  if (body instanceof Blob || body instanceof Uint8Array || body instanceof ArrayBuffer) {
    const blob = body instanceof Blob ? body : new Blob([body as Uint8Array<ArrayBuffer>]);
    return {
      sizeBytes: blob.size,
      pieceAt: (offset) => Promise.resolve(blob.slice(offset, offset + pieceBytes)),
    };
  }
  if (sizeBytes === undefined) throw new InfluencerAIError('The sizeBytes of a stream must be given.');
  return new StreamSource(body as AsyncIterable<Uint8Array>, pieceBytes, sizeBytes);
}

/** Holds one piece, since a stream cannot be read twice. */
class StreamSource implements UploadSource {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private piece = { start: 0, bytes: new Uint8Array(0) };
  private left = new Uint8Array(0);

  constructor(
    body: AsyncIterable<Uint8Array>,
    private readonly pieceBytes: number,
    readonly sizeBytes: number,
  ) {
    this.iterator = body[Symbol.asyncIterator]();
  }

  async pieceAt(offset: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = this.piece;
    if (offset < start || offset > start + bytes.length)
      throw new InfluencerAIError('The server has lost bytes that this stream cannot give again.');
    if (offset < start + bytes.length) return bytes.subarray(offset - start);
    this.piece = { start: offset, bytes: await this.read() };
    if (this.piece.bytes.length === 0) throw new InfluencerAIError('The stream ended before its sizeBytes.');
    return this.piece.bytes;
  }

  private async read(): Promise<Uint8Array<ArrayBuffer>> {
    const piece = new Uint8Array(this.pieceBytes);
    let filled = 0;
    while (filled < piece.length) {
      if (this.left.length === 0) {
        const next = await this.iterator.next();
        if (next.done) break;
        this.left = next.value as Uint8Array<ArrayBuffer>;
      }
      const taken = this.left.subarray(0, piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      this.left = this.left.subarray(taken.length);
    }
    return piece.subarray(0, filled);
  }
}
