import { Readable } from 'node:stream';
import { type DatasetUpload, fieldError, type UploadDataset } from '@influencerai/shared';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import type { FormPart } from '../http/multipart.js';
import type { Storage } from '../storage/storage.js';
import { archiveKindOf } from './archives/archive.js';
import { unpack } from './archives/unpack.js';
import { UploadFolder } from './upload-folder.js';
import { UploadForm } from './upload-form.js';
import { formKey } from './upload-keys.js';
import { refuseFile, type UploadLimits } from './upload-limits.js';
import type { UploadRoom } from './upload-room.js';

export interface IntakeOptions {
  claim: UploadClaim;
  /** Where the files of the dataset are to lie. */
  folderKey: string;
  storage: Storage;
  limits: UploadLimits;
  room: UploadRoom;
  signal: AbortSignal;
}

/** A file that has been stored as it came. */
export interface StagedFile {
  name: string;
  key: string;
  sizeBytes: number;
}

/** Takes what one upload brings, file by file or as an archive, into the folder of its dataset. */
export class UploadIntake {
  private readonly folder: UploadFolder;
  private archive: string | undefined;

  constructor(private readonly options: IntakeOptions) {
    this.folder = new UploadFolder({ ...options, key: options.folderKey });
  }

  /** @throws AppError that names the field or file */
  async takeForm(parts: AsyncIterable<FormPart>): Promise<{ input: UploadDataset; upload: DatasetUpload }> {
    const form = new UploadForm();
    for await (const part of parts) {
      this.options.signal.throwIfAborted();
      if (part.type === 'field') {
        form.set(part.name, part.value);
        continue;
      }
      if (part.name !== 'files') throw fieldError([part.name], 'Unknown field: files are sent as "files".');
      // What is known to be wrong is said before gigabytes have come.
      if (this.folder.isEmpty && form.has('kind')) form.read();
      await this.takePart(part);
    }
    const input = form.read();
    return { input, upload: this.finish() };
  }

  /** @throws AppError that names the file */
  async takeStaged({ name, key, sizeBytes }: StagedFile): Promise<DatasetUpload> {
    const { storage, limits } = this.options;
    const kind = archiveKindOf(name);
    if (kind === 'zip') await unpack({ kind, name, key, sizeBytes }, { storage, limits, folder: this.folder });
    else if (kind) await unpack({ kind, name, content: storage.read(key) }, { storage, limits, folder: this.folder });
    else await this.folder.add(name, storage.read(key));
    return this.finish();
  }

  private async takePart({ fileName, content }: FormPart & { type: 'file' }): Promise<void> {
    const { storage, limits, claim, room, signal } = this.options;
    if (this.archive !== undefined)
      throw refuseFile(this.archive, 'An archive must stand alone, not beside other files.');
    const kind = this.folder.isEmpty ? archiveKindOf(fileName) : undefined;
    if (!kind) return this.folder.add(fileName, content);
    this.archive = fileName;
    if (kind !== 'zip') return unpack({ kind, name: fileName, content }, { storage, limits, folder: this.folder });
    // Stored first: what a zip archive holds stands at its end.
    const key = formKey(claim.id);
    const { sizeBytes } = await storage.write(key, Readable.from(room.taking(content), { objectMode: false }), {
      signal,
    });
    await this.takeStaged({ name: fileName, key, sizeBytes });
  }

  private finish(): DatasetUpload {
    const { report } = this.folder;
    if (report.files > 0) return report;
    throw fieldError(
      ['files'],
      report.skippedCount === 0
        ? 'Send at least one file, or an archive that holds one.'
        : 'Holds nothing that a dataset is made of: PNG, JPEG or WebP pictures, or .txt, .csv or .jsonl files.',
    );
  }
}
