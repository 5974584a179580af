import { PassThrough, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract as createExtract, type Header } from 'tar-stream';
import { type ArchiveEntry, type Inflation, refuseSpecial, tellingDamage } from './archive.js';

export interface TarSource {
  /** As the client called it, for errors. */
  name: string;
  content: Readable;
  isGzipped: boolean;
  inflation: Inflation;
}

/**
 * The entries of a tar archive while it arrives. Nothing is kept: an entry must be read, or left, before the next.
 * @throws AppError `validation_failed`, `upload_too_large`
 */
export async function* readTar({ name, content, isGzipped, inflation }: TarSource): AsyncGenerator<ArchiveEntry> {
  const extract = createExtract();
  const packed = counting((bytes) => (inflation.packedBytes += bytes));
  const unpacked = counting((bytes) => inflation.add(bytes));
  const unpacking = pipeline(content, packed, isGzipped ? createGunzip() : new PassThrough(), unpacked, extract);
  // Reported below; until then nobody listens.
  unpacking.catch(() => undefined);
  const read = async function* (): AsyncGenerator<ArchiveEntry> {
    for await (const entry of extract) {
      yield toEntry(entry.header, entry as AsyncIterable<Buffer>);
      entry.resume();
    }
    await unpacking;
  };
  yield* tellingDamage(read(), name);
}

function toEntry(header: Header, content: AsyncIterable<Buffer>): ArchiveEntry {
  const { name, type } = header;
  if (type === 'directory') return { name, type: 'folder' };
  if (type !== 'file' && type !== 'contiguous-file') throw refuseSpecial(name);
  return { name, type: 'file', content: tellingDamage(content, name) };
}

const counting = (count: (bytes: number) => void): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        count(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
