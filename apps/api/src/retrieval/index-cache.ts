import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { AppError } from '@influencerai/shared';
import { hasCode } from '../http/error-code.js';
import { inBytes } from '../http/in-bytes.js';
import type { StoredArtifact } from '../jobs/job-artifacts.repository.js';
import { statOf } from '../storage/stat-of.js';
import type { Storage } from '../storage/storage.js';
import { unavailable } from './search-program.js';

/** The index of a job, as it is listed. */
export interface JobIndex {
  jobId: string;
  stored: StoredArtifact;
}

interface Wanted {
  index: JobIndex;
  /** The caller waits no longer. What nobody waits for is not copied on. */
  signal: AbortSignal;
}

interface Entry {
  sizeBytes: number;
  readers: number;
  /** Its path, once it is there. */
  file: Promise<string>;
  /** While it is being copied. */
  copying: AbortController | undefined;
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
    /** Where its folder is made. */
    private readonly parent = tmpdir(),
  ) {}

  /**
   * Calls back with the path of a copy, which stays until that ends.
   * @throws AppError `index_missing` when the file is gone or changed, `runtime_unavailable` when it is too large or
   *   cannot be written here
   */
  async use<T>({ index, signal }: Wanted, work: (file: string) => Promise<T>): Promise<T> {
    const { sha256, sizeBytes } = index.stored.artifact;
    if (sizeBytes > this.maxBytes) throw tooLarge(this.maxBytes);
    const entry = this.entries.get(sha256) ?? { sizeBytes, readers: 0, ...this.copy(index) };
    this.entries.delete(sha256);
    this.entries.set(sha256, entry);
    // Before anything is waited for, so that nobody makes room where it lies.
    entry.readers += 1;
    try {
      const [file] = await Promise.all([unlessAborted(this.whole(index, entry), signal), this.makeRoom()]);
      return await work(file);
    } finally {
      entry.readers -= 1;
      if (entry.readers === 0 && entry.copying) this.giveUp(sha256, entry);
    }
  }

  async remove(): Promise<void> {
    const folder = await this.folder?.catch(() => undefined);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  /** What could not be copied is tried again by the next one, and what others have removed is copied anew. */
  private async whole(index: JobIndex, entry: Entry): Promise<string> {
    const { sha256 } = index.stored.artifact;
    try {
      const copied = entry.file;
      const file = await copied;
      if (entry.file === copied) entry.copying = undefined;
      if (await statOf(file)) return file;
      if (entry.file === copied) Object.assign(entry, this.copy(index));
      return await this.whole(index, entry);
    } catch (error) {
      this.drop(sha256, entry);
      throw error;
    }
  }

  /** At once, so that the next one does not wait for what was given up. */
  private giveUp(sha256: string, entry: Entry): void {
    this.drop(sha256, entry);
    entry.copying?.abort();
  }

  private drop(sha256: string, entry: Entry): void {
    if (this.entries.get(sha256) === entry) this.entries.delete(sha256);
  }

  private copy(index: JobIndex): Pick<Entry, 'file' | 'copying'> {
    const copying = new AbortController();
    return { file: this.fetch(index, copying.signal), copying };
  }

  private async fetch({ jobId, stored: { artifact, storageKey } }: JobIndex, signal: AbortSignal): Promise<string> {
    const file = join(await this.ownFolder(), `${randomUUID()}.sqlite`);
    const changed = new AppError('index_missing', { id: jobId });
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      await using copy = await local(open(file, 'wx'));
      const content: AsyncIterable<Buffer> = addAbortSignal(signal, this.storage.read(storageKey));
      for await (const chunk of content) {
        bytes += chunk.length;
        // What was put in its place must not fill the disk.
        if (bytes > artifact.sizeBytes) throw changed;
        hash.update(chunk);
        await local(copy.appendFile(chunk));
      }
      if (hash.digest('hex') !== artifact.sha256) throw changed;
      signal.throwIfAborted();
      return file;
    } catch (error) {
      await rm(file, { force: true });
      throw hasCode(error, 'ENOENT') ? new AppError('index_missing', { id: jobId }, { cause: error }) : error;
    }
  }

  /** Made when there is none yet, or no longer. */
  private async ownFolder(): Promise<string> {
    const made = (this.folder ??= local(mkdtemp(join(this.parent, 'influencerai-indexes-'))));
    const folder = await made.catch((error: unknown) => {
      this.forget(made);
      throw error;
    });
    if (await statOf(folder)) return folder;
    this.forget(made);
    return this.ownFolder();
  }

  private forget(folder: Promise<string>): void {
    if (this.folder === folder) this.folder = undefined;
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

const tooLarge = (maxBytes: number): AppError => unavailable(`The index is larger than ${inBytes(maxBytes)}.`);

/** What fails on this host says nothing of what lies in the storage, whatever its code. */
const local = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw unavailable('The index cannot be copied to the host of the API.', error);
  });

/** Others may still want what one waits for no longer. */
const unlessAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const leave = (): void => aborted.reject(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', leave));
};
