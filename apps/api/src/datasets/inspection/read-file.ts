import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** The whole content of a small file and its hash, taken chunk by chunk so that other requests get their turn. */
export async function readFile(stream: Readable): Promise<{ content: Buffer; sha256: string }> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  for await (const chunk of hashed(stream, hash)) chunks.push(chunk);
  return { content: Buffer.concat(chunks), sha256: hash.digest('hex') };
}

/** The same chunks, counted into a hash as they pass. */
export async function* hashed(stream: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
}
