import { chmod, mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostLack, PassingLack } from '../runner/launcher.js';
import { hashFile, statIfThere, versionOf } from './hash-file.js';
import { inGigabytes } from './in-gigabytes.js';

/** The content of a file, whatever its names. Tenants share none: whether it is here would tell one of another's files. */
export interface Content {
  tenantId: string;
  sha256: string;
  sizeBytes: number;
}

/** Writes the content into a file; the cache checks it and gives it its name. */
export type FetchContent = (partial: string) => Promise<void>;

export interface HoldOptions {
  signal: AbortSignal;
  /** Called when running attempts must give something back first. */
  onWait: () => void;
}

interface Entry {
  sizeBytes: number;
  /** How many attempts hold it. */
  holders: number;
  /** False while only its room is kept. */
  isStored: boolean;
  /** The version of the file whose hash was taken last. */
  checked?: string;
}

const CONTENT_KEY = /^tenant-[^/]+\/[0-9a-f]{64}$/;

/** Name of a content in the cache: two plain parts of a path, whatever the id of the tenant. */
const keyOf = ({ tenantId, sha256 }: Pick<Content, 'tenantId' | 'sha256'>): string =>
  `tenant-${encodeURIComponent(tenantId)}/${sha256}`;

/** What came is not what was announced: the file changed meanwhile. */
export class ContentMismatch extends Error {
  override readonly name = 'ContentMismatch';
}

/**
 * Files of datasets by their sha256, in a folder of this worker alone. What an attempt holds stays; of the rest the
 * least recently used goes when room is needed, within the limit and on the disk. A file is hashed before it is first
 * used, and again whenever it was touched since: one that was damaged is fetched anew.
 */
export class DatasetCache {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Map<string, Promise<boolean>>();
  #released = Promise.withResolvers<void>();
  /**
   * Files are removed one after another, and `hold` waits for those before it: what is held then is removed by nobody,
   * not even by a removal that was begun before.
   */
  #removals: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly dir: string,
    private readonly maxBytes: number,
  ) {}

  /** Takes over what an earlier process left; downloads that it did not finish are begun anew. */
  static async open(dir: string, maxBytes: number): Promise<DatasetCache> {
    const cache = new DatasetCache(dir, maxBytes);
    // What lies here was meant for the trainers of single tenants, not for every user of the host.
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await rm(join(dir, 'partial'), { recursive: true, force: true });
    await cache.#find();
    return cache;
  }

  /** Where the content lies once it was ensured. Never to be written to. */
  pathOf(content: Pick<Content, 'tenantId' | 'sha256'>): string {
    return this.#pathOf(keyOf(content));
  }

  has(content: Pick<Content, 'tenantId' | 'sha256'>): boolean {
    return this.#entries.get(keyOf(content))?.isStored ?? false;
  }

  /**
   * Makes room for contents and keeps them until the function that is returned is called. Waits while other attempts hold
   * too much: all contents are taken at once, so that no two wait for each other.
   * @throws HostLack when they cannot all lie here
   */
  async hold(contents: readonly Content[], { signal, onWait }: HoldOptions): Promise<() => Promise<void>> {
    const wanted = new Map(contents.map((content) => [keyOf(content), content.sizeBytes]));
    const sizeBytes = sum(wanted.values());
    if (sizeBytes > this.maxBytes) {
      const [has, takes] = [inGigabytes(sizeBytes), inGigabytes(this.maxBytes)];
      throw new HostLack(`The dataset has ${has}, and the worker keeps at most ${takes} (DATASET_CACHE_BYTES).`);
    }
    if (!this.#hasRoomFor(wanted)) onWait();
    while (!this.#hasRoomFor(wanted)) {
      await Promise.race([this.#released.promise, whenAborted(signal)]);
      signal.throwIfAborted();
    }
    for (const [key, size] of wanted) this.#take(key, size);
    const release = () => this.#release([...wanted.keys()]);
    try {
      await this.#inTurn(() => this.#makeRoom());
    } catch (error) {
      await release();
      throw error;
    }
    return release;
  }

  /**
   * Sees to it that a held content lies in the cache, sound and whole. Attempts that need the same at the same time share
   * one download; one that another attempt gave up is gone on with.
   * @returns whether it was fetched
   * @throws ContentMismatch when something else came
   */
  async ensure(content: Content, fetch: FetchContent, signal: AbortSignal): Promise<boolean> {
    const key = keyOf(content);
    for (let other = this.#running.get(key); other; other = this.#running.get(key)) {
      await Promise.race([other.catch(() => undefined), whenAborted(signal)]);
      signal.throwIfAborted();
    }
    const running = this.#obtain(content, fetch).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  #pathOf(key: string): string {
    return join(this.dir, 'contents', key);
  }

  #partialOf(key: string): string {
    return join(this.dir, 'partial', key);
  }

  async #find(): Promise<void> {
    await mkdir(join(this.dir, 'contents'), { recursive: true });
    const keys = (await readdir(join(this.dir, 'contents'), { recursive: true })).filter((key) =>
      CONTENT_KEY.test(key),
    );
    const found = await Promise.all(keys.map(async (key) => ({ key, ...(await sizeAndUse(this.#pathOf(key))) })));
    for (const { key, sizeBytes } of found.sort((a, b) => a.usedAtMs - b.usedAtMs))
      this.#entries.set(key, { sizeBytes, holders: 0, isStored: true });
    await this.#makeRoom();
  }

  #hasRoomFor(wanted: ReadonlyMap<string, number>): boolean {
    const others = [...this.#entries].filter(([key, { holders }]) => holders > 0 && !wanted.has(key));
    return sum(others.map(([, { sizeBytes }]) => sizeBytes)) + sum(wanted.values()) <= this.maxBytes;
  }

  #take(key: string, sizeBytes: number): void {
    const entry = this.#entries.get(key) ?? { sizeBytes, holders: 0, isStored: false };
    entry.holders += 1;
    entry.sizeBytes = sizeBytes;
    // To the end, where the most recently used are.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  async #release(held: readonly string[]): Promise<void> {
    const abandoned: string[] = [];
    for (const key of held) {
      const entry = this.#entries.get(key);
      if (!entry || --entry.holders > 0 || entry.isStored) continue;
      this.#entries.delete(key);
      abandoned.push(this.#partialOf(key));
    }
    const removed = this.#inTurn(() => Promise.all(abandoned.map((file) => rm(file, { force: true }))));
    this.#released.resolve();
    this.#released = Promise.withResolvers();
    await removed;
  }

  #inTurn<T>(remove: () => Promise<T>): Promise<T> {
    const turn = this.#removals.then(remove);
    this.#removals = turn.catch(() => undefined);
    return turn;
  }

  async #makeRoom(): Promise<void> {
    let usedBytes = sum([...this.#entries.values()].map(({ sizeBytes }) => sizeBytes));
    let freeBytes = await freeBytesOf(this.dir);
    const missingBytes = await this.#missingBytes();
    for (const [key, entry] of this.#entries) {
      if (usedBytes <= this.maxBytes && missingBytes <= freeBytes) return;
      if (entry.holders > 0) continue;
      this.#entries.delete(key);
      await rm(this.#pathOf(key), { force: true });
      usedBytes -= entry.sizeBytes;
      freeBytes = await freeBytesOf(this.dir);
    }
    if (missingBytes <= freeBytes) return;
    const [free, missing] = [inGigabytes(freeBytes), inGigabytes(missingBytes)];
    throw new PassingLack(`The disk of the worker has ${free} free, and ${missing} of datasets are to be fetched.`);
  }

  /** What held contents still need on the disk. */
  async #missingBytes(): Promise<number> {
    const missing = [...this.#entries].filter(([, { isStored }]) => !isStored);
    const partials = missing.map(([key]) => statIfThere(this.#partialOf(key)));
    const present = (await Promise.all(partials)).map((partial) => partial?.size ?? 0);
    return sum(missing.map(([, { sizeBytes }], index) => Math.max(0, sizeBytes - present[index]!)));
  }

  async #obtain(content: Content, fetch: FetchContent): Promise<boolean> {
    const entry = this.#entries.get(keyOf(content));
    if (!entry || entry.holders === 0) throw new Error(`The content ${content.sha256} is not held.`);
    const file = this.pathOf(content);
    if (entry.isStored && (await this.#isSound(entry, content))) {
      // The order of use for the next process; the date of the content stays, so that it is not hashed again.
      await utimes(file, new Date(), (await stat(file)).mtime);
      return false;
    }
    await rm(file, { force: true });
    entry.isStored = false;
    entry.sizeBytes = content.sizeBytes;
    await this.#store(content, entry, fetch);
    return true;
  }

  async #store(content: Content, entry: Entry, fetch: FetchContent): Promise<void> {
    const partial = this.#partialOf(keyOf(content));
    const file = this.pathOf(content);
    await mkdir(dirname(partial), { recursive: true });
    await fetch(partial);
    if ((await hashFile(partial)) !== content.sha256) {
      await rm(partial, { force: true });
      throw new ContentMismatch(`What came is not the content ${content.sha256}.`);
    }
    await chmod(partial, 0o444);
    // Whole seconds: a date that `utimes` can give back as it was.
    const now = new Date(Math.floor(Date.now() / 1000) * 1000);
    await utimes(partial, now, now);
    await mkdir(dirname(file), { recursive: true });
    await rename(partial, file);
    entry.checked = versionOf(await stat(file));
    entry.isStored = true;
  }

  async #isSound(entry: Entry, content: Content): Promise<boolean> {
    const file = this.pathOf(content);
    const found = await statIfThere(file);
    if (found?.size !== content.sizeBytes) return false;
    const version = versionOf(found);
    if (entry.checked === version) return true;
    if ((await hashFile(file)) !== content.sha256) return false;
    entry.checked = version;
    return true;
  }
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

const sizeAndUse = async (file: string): Promise<{ sizeBytes: number; usedAtMs: number }> => {
  const { size, atimeMs } = await stat(file);
  return { sizeBytes: size, usedAtMs: atimeMs };
};

const freeBytesOf = async (dir: string): Promise<number> => {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
};

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
