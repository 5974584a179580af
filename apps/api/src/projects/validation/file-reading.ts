import { createHash } from 'node:crypto';
import { addAbortSignal, type Readable } from 'node:stream';

export interface ReadFile {
  sizeBytes: number;
  sha256: string;
  /** The beginning, at most as long as was asked for. */
  start: Buffer;
}

/** Reads a file to its end, keeping its beginning. @throws Error when the signal says so */
export async function readThrough(
  content: Readable,
  { keepBytes, signal }: { keepBytes: number; signal: AbortSignal },
): Promise<ReadFile> {
  addAbortSignal(signal, content);
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let [sizeBytes, keptBytes] = [0, 0];
  for await (const chunk of content as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (keptBytes >= keepBytes) continue;
    const part = chunk.subarray(0, keepBytes - keptBytes);
    kept.push(part);
    keptBytes += part.length;
  }
  return { sizeBytes, sha256: hash.digest('hex'), start: Buffer.concat(kept) };
}
