import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { AppError, type Dataset, type DatasetUpload, fieldError, type UploadDataset } from '@influencerai/shared';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { CONFIG, type Config } from '../env.js';
import type { FormPart } from '../http/multipart.js';
import { Storage } from '../storage/storage.js';
import type { Principal } from '../auth/principal.js';
import { type ArchiveKind, archiveKindOf } from './archives/archive.js';
import { unpack } from './archives/unpack.js';
import { datasetKey, stagingKey } from './upload-keys.js';
import { UploadFolder } from './upload-folder.js';
import { UploadForm } from './upload-form.js';
import { refuseFile, type UploadLimits } from './upload-limits.js';
import { UploadsRepository } from './uploads.repository.js';

const TOUCH_MS = 10_000;

/** Takes in the files of datasets. */
@Injectable()
export class UploadsService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(UploadsService.name);
  private readonly stopping = new AbortController();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly uploads: UploadsRepository,
    private readonly datasets: DatasetsService,
    private readonly storage: Storage,
  ) {}

  get limits(): UploadLimits {
    return this.config.uploads;
  }

  /** Whoever uploads is told to come again: a large upload would hold up the end for hours. */
  beforeApplicationShutdown(): void {
    this.stopping.abort(new AppError('service_unavailable'));
  }

  /**
   * Makes a dataset of a form: fields `kind`, `name`, `meta` and either files or one archive, all named `files`, in any
   * order. All of it is registered or nothing.
   * @param id what the dataset is to be called
   * @throws AppError `validation_failed` that names the field or file, `upload_too_large`, `uploads_exhausted`
   */
  async receive({ tenantId }: Principal, id: string, parts: AsyncIterable<FormPart>): Promise<Dataset> {
    const claim = await this.uploads.open({ id, tenantId, protocol: 'form' }, this.config.uploads.maxOpen);
    try {
      // What a dead request with the same key has left.
      await this.clear(claim);
      const { input, upload } = await this.hold(claim, (signal) => this.collect(claim, parts, signal));
      const meta = input.name === undefined ? input.meta : { ...input.meta, name: input.name };
      const path = `data/${datasetKey(claim.id)}`;
      return await this.datasets.createFromUpload(claim, { kind: input.kind, path, meta, upload });
    } catch (error) {
      await this.discard(claim);
      throw error;
    }
  }

  /** Removes what an upload has left, unless it has become a dataset. What fails now is done by a later sweep. */
  async discard(claim: UploadClaim): Promise<void> {
    try {
      if (!(await this.uploads.touch(claim))) return;
      await this.clear(claim);
      await this.uploads.remove(claim);
    } catch (error) {
      this.logger.warn({ err: error, uploadId: claim.id }, 'An upload could not be cleaned up; a later sweep does it.');
    }
  }

  private async clear({ id }: UploadClaim): Promise<void> {
    await this.storage.removeFolder(datasetKey(id));
    await this.storage.removeFolder(stagingKey(id));
  }

  private async collect(
    { id }: UploadClaim,
    parts: AsyncIterable<FormPart>,
    signal: AbortSignal,
  ): Promise<{ input: UploadDataset; upload: DatasetUpload }> {
    const form = new UploadForm();
    const folder = new UploadFolder({ storage: this.storage, key: datasetKey(id), limits: this.limits, signal });
    let archive: string | undefined;
    for await (const part of parts) {
      signal.throwIfAborted();
      if (part.type === 'field') {
        form.set(part.name, part.value);
        continue;
      }
      if (part.name !== 'files') throw fieldError([part.name], 'Unknown field: files are sent as "files".');
      if (archive !== undefined) throw refuseFile(archive, 'An archive must stand alone, not beside other files.');
      // What is known to be wrong is said before gigabytes have come.
      if (folder.isEmpty && form.has('kind')) form.read();
      const kind = folder.isEmpty ? archiveKindOf(part.fileName) : undefined;
      if (kind) {
        archive = part.fileName;
        await this.unpack(id, kind, { folder, part, signal });
      } else await folder.add(part.fileName, part.content);
    }
    const input = form.read();
    if (folder.report.files === 0) throw fieldError(['files'], nothingIn(folder.report));
    return { input, upload: folder.report };
  }

  /** A zip archive is stored first: what it holds stands at its end. */
  private async unpack(
    id: string,
    kind: ArchiveKind,
    { folder, part, signal }: { folder: UploadFolder; part: FormPart & { type: 'file' }; signal: AbortSignal },
  ): Promise<void> {
    const { storage, limits } = this;
    const name = part.fileName;
    if (kind !== 'zip') return unpack({ kind, name, content: part.content }, { storage, limits, folder });
    const key = `${stagingKey(id)}/archive`;
    const { sizeBytes } = await storage.write(key, part.content, { signal });
    await unpack({ kind, name, key, sizeBytes }, { storage, limits, folder });
    await storage.removeFolder(stagingKey(id));
  }

  /** Works on an upload, with signs of life for as long as that takes. */
  private async hold<T>(claim: UploadClaim, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const lost = new AbortController();
    const timer = setInterval(() => void this.touch(claim, lost), TOUCH_MS);
    try {
      return await work(AbortSignal.any([this.stopping.signal, lost.signal]));
    } finally {
      clearInterval(timer);
    }
  }

  private async touch(claim: UploadClaim, lost: AbortController): Promise<void> {
    try {
      if (!(await this.uploads.touch(claim))) lost.abort(new AppError('service_unavailable'));
    } catch (error) {
      this.logger.warn({ err: error, uploadId: claim.id }, 'A sign of life could not be written; the next one may.');
    }
  }
}

const nothingIn = ({ skippedCount }: DatasetUpload): string =>
  skippedCount === 0
    ? 'Send at least one file, or an archive that holds one.'
    : 'Holds nothing that a dataset is made of: PNG, JPEG or WebP pictures, or .txt, .csv or .jsonl files.';
