import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@influencerai/shared';
import { hasCode } from '../http/error-code.js';
import { inBytes } from '../http/in-bytes.js';
import type { StoredArtifact } from '../jobs/job-artifacts.repository.js';
import type { Storage } from '../storage/storage.js';

/** The index of a job, as it is listed. */
export interface JobIndex {
  jobId: string;
  stored: StoredArtifact;
}

interface Entry {
  sizeBytes: number;
  readers: number;
  /** Its path, once it is there. */
  file: Promise<string>;
}

/**
 * Copies of indexes, by their sha256, in a folder of this process. Whoever can write to the storage can change a file in
 * it; what is copied is what its worker has handed in, or nothing.
 */
export class IndexCache {
  private folder: Promise<string> | undefined;
  /** The one that was not used for longest comes first. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly storage: Storage,
    private readonly maxBytes: number,
  ) {}

  /**
   * Calls back with the path of a copy, which stays until that ends.
   * @throws AppError `index_missing` when the file is gone or changed, `runtime_unavailable` when it is too large
   */
  async use<T>(index: JobIndex, work: (file: string) => Promise<T>): Promise<T> {
    const { sha256, sizeBytes } = index.stored.artifact;
    if (sizeBytes > this.maxBytes) throw tooLarge(this.maxBytes);
    const entry = this.entries.get(sha256) ?? { sizeBytes, readers: 0, file: this.fetch(index) };
    this.entries.delete(sha256);
    this.entries.set(sha256, entry);
    // Before anything is waited for, so that nobody makes room where it lies.
    entry.readers += 1;
    try {
      const [file] = await Promise.all([this.whole(sha256, entry), this.makeRoom()]);
      return await work(file);
    } finally {
      entry.readers -= 1;
    }
  }

  async remove(): Promise<void> {
    if (this.folder) await rm(await this.folder, { recursive: true, force: true });
  }

  /** What could not be copied is tried again by the next one. */
  private async whole(sha256: string, entry: Entry): Promise<string> {
    try {
      return await entry.file;
    } catch (error) {
      if (this.entries.get(sha256) === entry) this.entries.delete(sha256);
      throw error;
    }
  }

  private async fetch({ jobId, stored: { artifact, storageKey } }: JobIndex): Promise<string> {
    const folder = await (this.folder ??= mkdtemp(join(tmpdir(), 'influencerai-indexes-')));
    const file = join(folder, `${randomUUID()}.sqlite`);
    const changed = new AppError('index_missing', { id: jobId });
    const hash = createHash('sha256');
    let bytes = 0;
    const hashed = async function* (content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of content) {
        bytes += chunk.length;
        // What was put in its place must not fill the disk.
        if (bytes > artifact.sizeBytes) throw changed;
        hash.update(chunk);
        yield chunk;
      }
    };
    try {
      await pipeline(this.storage.read(storageKey), hashed, createWriteStream(file));
    } catch (error) {
      await rm(file, { force: true });
      throw hasCode(error, 'ENOENT') ? new AppError('index_missing', { id: jobId }, { cause: error }) : error;
    }
    if (hash.digest('hex') === artifact.sha256) return file;
    await rm(file, { force: true });
    throw changed;
  }

  private async makeRoom(): Promise<void> {
    let total = [...this.entries.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const [sha256, { sizeBytes, readers, file }] of this.entries) {
      if (total <= this.maxBytes) return;
      if (readers > 0) continue;
      this.entries.delete(sha256);
      total -= sizeBytes;
      await rm(await file, { force: true });
    }
  }
}

const tooLarge = (maxBytes: number): AppError =>
  new AppError('runtime_unavailable', {
    runtime: 'retrieval',
    reason: `The index is larger than ${inBytes(maxBytes)}.`,
  });
