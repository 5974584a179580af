import { createHash } from 'node:crypto';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { AppError, type Dataset, type DatasetUpload, fieldError, type UploadDataset } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { CONFIG, type Config } from '../env.js';
import type { FormPart } from '../http/multipart.js';
import { newId } from '../http/new-id.js';
import { StorageQuota } from '../limits/storage-quota.js';
import { Storage } from '../storage/storage.js';
import { TenantRoots } from '../storage/tenant-roots.js';
import { readAnnouncement } from './announcement.js';
import { UploadIntake } from './upload-intake.js';
import { datasetPath, stagingKey, receivedKey } from './upload-keys.js';
import type { UploadLimits } from './upload-limits.js';
import { UploadRoom } from './upload-room.js';
import { type Announcement, UploadsRepository } from './uploads.repository.js';

const TOUCH_MS = 10_000;
/** Who has been silent for so long has died. */
export const STALE_MS = 60_000;

/** Makes datasets of what clients upload. */
@Injectable()
export class UploadsService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(UploadsService.name);
  private readonly stopping = new AbortController();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly uploads: UploadsRepository,
    private readonly datasets: DatasetsService,
    private readonly storage: Storage,
    private readonly quota: StorageQuota,
    private readonly roots: TenantRoots,
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
   * order. All of it is registered or nothing. Done once: a repetition gets the dataset.
   * @param id what the dataset is to be called
   * @throws AppError `validation_failed` that names the field or file, `upload_too_large`, `uploads_exhausted`,
   * `quota_exceeded`
   */
  async receive(caller: Principal, id: string, parts: AsyncIterable<FormPart>): Promise<Dataset> {
    const { tenantId } = caller;
    const claim = await this.uploads.open({ id, tenantId, protocol: 'form' }, this.config.uploads.maxOpen);
    try {
      // What a dead request for the same has made, or has left.
      const made = await this.datasets.find(caller, id);
      if (made) return made;
      await this.clear(claim);
      const { input, upload } = await this.hold(claim, (signal) => this.intake(claim, signal).takeForm(parts));
      return await this.register(caller, claim, { ...input, upload });
    } finally {
      await this.close(claim);
    }
  }

  /**
   * Makes a dataset of a resumable or direct upload that is complete. Done once: a repetition gets the dataset.
   * @throws AppError `upload_not_found`, `upload_incomplete`, `upload_in_use`, and those of {@link receive}
   */
  async finish(caller: Principal, id: string): Promise<Dataset> {
    const { tenantId } = caller;
    const made = await this.datasets.find(caller, id);
    if (made) return made;
    const { announced } = await this.uploads.getAnnounced(tenantId, id, this.config.uploads.expiresMs);
    const claim = await this.uploads.claim(tenantId, id, STALE_MS);
    if (!claim) throw new AppError('upload_in_use', { id });
    try {
      const upload = await this.takeStaged(claim, announced);
      const dataset = await this.register(caller, claim, { ...upload.input, upload: upload.report });
      await this.close(claim);
      return dataset;
    } catch (error) {
      await this.undo(claim, { error, reservedBytes: announced.sizeBytes });
      throw error;
    }
  }

  /**
   * Lets a tenant store what becomes no dataset, as one more of its open uploads: `work` takes room for bytes as they
   * come, and it is given back in the end. What is kept must be counted by then.
   * @throws AppError `uploads_exhausted`, and in `work` `quota_exceeded`
   */
  async makeRoom<T>(tenantId: string, work: (room: UploadRoom, signal: AbortSignal) => Promise<T>): Promise<T> {
    const claim = await this.uploads.open({ id: newId(), tenantId, protocol: 'form' }, this.config.uploads.maxOpen);
    try {
      return await this.hold(claim, (signal) => work(new UploadRoom(claim, this.quota, this.uploads), signal));
    } finally {
      await this.close(claim);
    }
  }

  /**
   * Ends an upload: removes what it has left in storage, but for the files of the dataset that it may have become. What
   * fails now is done by a later sweep.
   */
  async close(claim: UploadClaim): Promise<void> {
    try {
      const state = await this.uploads.touch(claim);
      if (!state) return;
      if (state.isRegistered) await this.storage.removeFolder(stagingKey(claim.id));
      else await this.clear(claim);
      await this.uploads.remove(claim);
    } catch (error) {
      this.logger.warn({ err: error, uploadId: claim.id }, 'An upload could not be cleaned up; a later sweep does it.');
    }
  }

  private async takeStaged(
    claim: UploadClaim,
    { metadata, sizeBytes, sha256 }: Announcement,
  ): Promise<{ input: UploadDataset; report: DatasetUpload }> {
    const key = receivedKey(claim.id);
    const { sizeBytes: receivedBytes = 0 } = (await this.storage.stat(key)) ?? {};
    if (receivedBytes < sizeBytes) throw new AppError('upload_incomplete', { id: claim.id, receivedBytes, sizeBytes });
    if (receivedBytes > sizeBytes) throw fieldError(['sizeBytes'], `Not as announced: ${receivedBytes} bytes came.`);
    const { fileName, input } = readAnnouncement(metadata, this.limits);
    // What an attempt that died has left.
    await this.storage.removeFolder(this.folderKey(claim));
    const file = { name: fileName, key, sizeBytes };
    const report = await this.hold(claim, async (signal) => {
      if (sha256 !== undefined) await this.verify(file, sha256);
      return this.intake(claim, signal).takeStaged(file);
    });
    return { input, report };
  }

  /** What came over another way than ours was seen by nobody. */
  private async verify({ key }: { key: string }, sha256: string): Promise<void> {
    const hash = createHash('sha256');
    for await (const chunk of this.storage.read(key)) hash.update(chunk as Buffer);
    if (hash.digest('hex') !== sha256) throw fieldError(['sha256'], 'Not as announced: other content came.');
  }

  /** After a failure: an upload that can be tried again stays as it was, one that can never become a dataset goes. */
  private async undo(claim: UploadClaim, { error, reservedBytes }: { error: unknown; reservedBytes: number }) {
    if (isFinal(error)) return this.close(claim);
    try {
      const state = await this.uploads.touch(claim);
      if (!state) return;
      if (state.isRegistered) return await this.close(claim);
      await this.storage.removeFolder(this.folderKey(claim));
      await this.uploads.trimReserved(claim, reservedBytes);
      await this.uploads.release(claim);
    } catch (failure) {
      this.logger.warn({ err: failure, uploadId: claim.id }, 'A failed upload is held until its claim is stale.');
    }
  }

  private intake(claim: UploadClaim, signal: AbortSignal): UploadIntake {
    const { storage, limits } = this;
    const room = new UploadRoom(claim, this.quota, this.uploads);
    return new UploadIntake({ claim, folderKey: this.folderKey(claim), storage, limits, signal, room });
  }

  private register(
    { userId }: Principal,
    claim: UploadClaim,
    { kind, name, meta, upload }: UploadDataset & { upload: DatasetUpload },
  ): Promise<Dataset> {
    const path = datasetPath(claim.id);
    const named = name === undefined ? meta : { ...meta, name };
    return this.datasets.createFromUpload(claim, { kind, path, meta: named, upload, userId });
  }

  private async clear(claim: UploadClaim): Promise<void> {
    await this.storage.removeFolder(this.folderKey(claim));
    await this.storage.removeFolder(stagingKey(claim.id));
  }

  /** Where the files of the dataset lie. */
  private folderKey({ id, tenantId }: UploadClaim): string {
    return this.roots.keyOf({ tenantId, path: datasetPath(id) });
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

/** What is wrong with the upload itself will be wrong again. */
const isFinal = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'validation_failed' || error.code === 'upload_too_large');
