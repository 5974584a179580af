import { Readable } from 'node:stream';
import type { DatasetUpload } from '@influencerai/shared';
import { inBytes } from '../http/in-bytes.js';
import type { Storage } from '../storage/storage.js';
import { EntryNames, problemOfName, readEntryName } from './entry-name.js';
import { HEAD_BYTES, problemOfContent } from './file-content.js';
import { refuseFile, tooLarge, type UploadLimits } from './upload-limits.js';
import type { UploadRoom } from './upload-room.js';

const MAX_SKIPPED_SHOWN = 100;

export interface UploadFolderOptions {
  storage: Storage;
  /** Where the files go. */
  key: string;
  limits: UploadLimits;
  room: UploadRoom;
  signal: AbortSignal;
}

/** The files of one upload on their way into storage: checks each name and content, and keeps what a dataset uses. */
export class UploadFolder {
  readonly report: DatasetUpload = { files: 0, bytes: 0, skipped: [], skippedCount: 0 };
  private readonly names: EntryNames;
  private entries = 0;

  constructor(private readonly options: UploadFolderOptions) {
    this.names = new EntryNames(options.limits.maxFiles);
  }

  get isEmpty(): boolean {
    return this.entries === 0;
  }

  /**
   * Takes in a file, or skips it.
   * @throws AppError `validation_failed` or `upload_too_large` that names the file
   */
  async add(given: string, content: AsyncIterable<Buffer>): Promise<void> {
    this.count();
    const name = readEntryName(given, this.options.limits.maxNameBytes);
    if ('refusal' in name) throw refuseFile(given, name.refusal);
    if (name.skip === undefined) return this.keep(given, name.path, content);
    // What is left out takes no name: nobody will look for it.
    this.skip(name.path, name.skip);
    if (name.isHidden) return;
    // Read all the same: what is dangerous is refused under any name that somebody chose.
    for await (const _ of this.checked(given, content)) continue;
  }

  /** Takes note of a folder of an archive; folders come to be with their files. */
  addFolder(given: string): void {
    this.count();
    const path = given.replace(/\/+$/, '');
    const problem = path === '.' ? undefined : problemOfName(path, this.options.limits.maxNameBytes);
    if (problem) throw refuseFile(given, problem);
  }

  private count(): void {
    const { maxFiles } = this.options.limits;
    if (++this.entries > maxFiles) throw tooLarge('it may have', `${maxFiles} files`);
  }

  private async keep(given: string, path: string, content: AsyncIterable<Buffer>): Promise<void> {
    const clash = this.names.take(path);
    if (clash) throw refuseFile(given, clash);
    return this.store(path, this.checked(given, content));
  }

  private async store(path: string, content: AsyncIterable<Buffer>): Promise<void> {
    const { storage, key, room, signal } = this.options;
    const bytes = Readable.from(room.taking(content), { objectMode: false });
    const { sizeBytes } = await storage.write(`${key}/${path}`, bytes, { signal });
    this.report.files += 1;
    this.report.bytes += sizeBytes;
  }

  private skip(name: string, reason: string): void {
    this.report.skippedCount += 1;
    if (this.report.skipped.length < MAX_SKIPPED_SHOWN) this.report.skipped.push({ name, reason });
  }

  /** The same bytes, refused as soon as they are too many or begin like something dangerous. */
  private async *checked(name: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { maxFileBytes } = this.options.limits;
    let head = Buffer.alloc(0);
    let sizeBytes = 0;
    for await (const chunk of content) {
      this.options.signal.throwIfAborted();
      sizeBytes += chunk.length;
      if (sizeBytes > maxFileBytes) throw tooLarge('each file may have', inBytes(maxFileBytes), name);
      if (head.length < HEAD_BYTES) {
        head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)]);
        const problem = problemOfContent(head);
        if (problem) throw refuseFile(name, problem);
      }
      yield chunk;
    }
  }
}
