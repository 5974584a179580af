import { access, constants, mkdir, open, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { fieldError } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import { confine, isBelowFile } from './confined-path.js';
import { listFiles } from './list-files.js';
import { problemOfPublicPath } from './public-path.js';
import { statOf, versionOf } from './stat-of.js';
import { EscapeError } from './storage-key.js';
import { type ByteRange, type Listing, Storage, type StoredFile, type WriteOptions, type Written } from './storage.js';
import { sweepParts } from './sweep-parts.js';
import { type TenantPath, TenantRoots } from './tenant-roots.js';
import { writeWhole } from './write-whole.js';

const CHUNK_BYTES = 256 * 1024;
// A link or pipe that takes the place of a file is refused rather than followed or waited for.
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const SWEEP_MS = 10 * 60_000;
/** Clients that send nothing are cut off long before. */
const IDLE_MS = 30 * 60_000;
const MIN_FREE_BYTES = 64 * 1024 * 1024;

/** Storage in a folder of this machine, or one that all machines mount. */
@Injectable()
export class FilesStorage extends Storage implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(FilesStorage.name);
  private readonly root: string;
  private timer?: NodeJS.Timeout;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly roots: TenantRoots,
  ) {
    super();
    this.root = config.storage.dataRoot;
  }

  /** Of files that are on their way; no path leads there. */
  private get partsFolder(): string {
    return join(this.root, '.parts');
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();
    void this.sweep();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  async locate(where: TenantPath, field = 'path'): Promise<string> {
    const problem = problemOfPublicPath(where.path) ?? this.roots.problemOf(where);
    if (problem) throw fieldError([field], problem);
    const key = this.roots.keyOf(where);
    if (await isBelowFile(await this.confinePublic(key, field)))
      throw fieldError([field], 'Must lie in a folder: a part of the path is a file.');
    return key;
  }

  async assertWritable(where: TenantPath, field = 'path'): Promise<void> {
    const key = await this.locate(where, field);
    const nearest = await nearestOf(join(this.root, key));
    if (!nearest.isFolder) throw fieldError([field], 'Must be a folder: a file has this name.');
    await access(nearest.path, constants.W_OK | constants.X_OK).catch(() => {
      throw fieldError([field], 'Is a folder that the service must not write to.');
    });
  }

  async exists(where: TenantPath): Promise<boolean> {
    return (await statOf(join(this.root, await this.locate(where)))) !== undefined;
  }

  async list(where: TenantPath, limit: number): Promise<Listing | undefined> {
    const key = await this.locate(where);
    return listFiles(join(this.root, key), key, limit);
  }

  async write(key: string, content: Readable, options?: WriteOptions): Promise<Written> {
    // It may break before anything reads it, which would end the process; the pipeline finds the error later.
    content.on('error', () => undefined);
    try {
      return await writeWhole({ path: await confine(this.root, key), partsFolder: this.partsFolder }, content, options);
    } finally {
      // What nobody wants any more is read to its end: to destroy an upload would cut the connection that the error
      // answer is sent on, and many clients only look for an answer when they have sent everything.
      content.resume();
    }
  }

  async append(key: string, content: Readable, offset: number): Promise<void> {
    const path = await confine(this.root, key);
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW);
    await pipeline(content, file.createWriteStream({ start: offset, flush: true }));
  }

  read(key: string, range?: ByteRange): Readable {
    return Readable.from(readChunks(this.root, key, range), { objectMode: false, highWaterMark: CHUNK_BYTES });
  }

  async stat(key: string): Promise<Pick<StoredFile, 'sizeBytes' | 'version'> | undefined> {
    const found = await statOf(await confine(this.root, key));
    return found?.isFile() ? { sizeBytes: found.size, version: versionOf(found) } : undefined;
  }

  async remove(key: string): Promise<void> {
    await rm(await confine(this.root, key), { force: true });
  }

  async removeFolder(key: string): Promise<void> {
    await rm(await confine(this.root, key), { recursive: true, force: true });
  }

  async check(): Promise<void> {
    await access(this.root, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = await statfs(this.root);
    if (bavail * bsize < MIN_FREE_BYTES) throw new Error('The disk of the data folder is full.');
  }

  /** Clears away what processes have left that died while they wrote. */
  private async sweep(): Promise<void> {
    try {
      const removed = await sweepParts(this.partsFolder, IDLE_MS);
      if (removed > 0) this.logger.log({ removed }, 'Parts of files that were never completed are gone.');
    } catch (error) {
      this.logger.warn({ err: error }, 'Parts of files could not be looked for; the next sweep does.');
    }
  }

  private async confinePublic(key: string, field: string): Promise<string> {
    try {
      return await confine(this.root, key);
    } catch (error) {
      if (error instanceof EscapeError)
        throw fieldError([field], 'Must stay below "data/": a link in it leads outside.');
      throw error;
    }
  }
}

/** What is there of a path: itself, or the deepest folder above it. The root is always there. */
async function nearestOf(path: string): Promise<{ path: string; isFolder: boolean }> {
  const found = await statOf(path);
  return found ? { path, isFolder: found.isDirectory() } : nearestOf(dirname(path));
}

/** Opens the file when the first chunk is asked for and closes it with the stream. */
async function* readChunks(root: string, key: string, range: ByteRange | undefined): AsyncGenerator<Buffer> {
  const file = await open(await confine(root, key), READ_FLAGS);
  try {
    yield* file.createReadStream({ ...range, autoClose: false, highWaterMark: CHUNK_BYTES });
  } finally {
    await file.close();
  }
}
