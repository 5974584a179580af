import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hasCode } from '../http/error-code.js';
import type { WriteOptions, Written } from './storage.js';

/** Where a file is to lie, and where its part lies until it is whole. */
export interface Destination {
  path: string;
  /** On the same disk, best of all. What a process that died has left there can be swept. */
  partsFolder: string;
}

/**
 * Writes a stream to a file that appears only when it is complete and on disk: into a part elsewhere, then renamed. On
 * failure, abort or refusal nothing stays behind and an earlier file of that name stays as it was.
 */
export async function writeWhole(
  { path, partsFolder }: Destination,
  content: Readable,
  { signal, accept, retract }: WriteOptions = {},
): Promise<Written> {
  const folder = dirname(path);
  await Promise.all([mkdir(folder, { recursive: true }), mkdir(partsFolder, { recursive: true })]);
  const temporary = join(partsFolder, `${randomUUID()}.part`);
  try {
    const written = await writeAndSync(temporary, content, signal);
    await accept?.(written);
    await orRetract(retract, () => move(temporary, path));
    await syncFolder(folder);
    return written;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Where the folder is a disk of its own, the file is copied beside its place first. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'EXDEV')) throw error;
    const beside = `${to}.${randomUUID()}.part`;
    await copyFile(from, beside);
    await rename(beside, to);
    await rm(from);
  }
}

/** The last step of a write, after it was accepted. */
export async function orRetract(retract: WriteOptions['retract'], place: () => Promise<void>): Promise<void> {
  try {
    await place();
  } catch (error) {
    await retract?.();
    throw error;
  }
}

async function writeAndSync(path: string, content: Readable, signal: AbortSignal | undefined): Promise<Written> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  signal?.throwIfAborted();
  const file = await open(path, 'wx');
  // `flush` makes the stream sync the file before it closes it.
  const stored = pipeline(measure, file.createWriteStream({ flush: true }), { signal });
  // Not part of the pipeline, which destroys all its streams on failure: the content may be an upload that still waits
  // for its answer.
  const forget = finished(content, { writable: false }, (error) => error && measure.destroy(error));
  content.pipe(measure);
  try {
    await stored;
  } finally {
    forget();
    content.unpipe(measure);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** Makes the new name itself survive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
