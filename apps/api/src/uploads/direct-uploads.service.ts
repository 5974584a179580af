import { Inject, Injectable } from '@nestjs/common';
import { AppError, type CreateDirectUpload, type DirectUpload } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { CONFIG, type Config } from '../env.js';
import { inBytes } from '../http/in-bytes.js';
import { newId } from '../http/new-id.js';
import { Storage } from '../storage/storage.js';
import { readAnnouncement } from './announcement.js';
import { receivedKey } from './upload-keys.js';
import { UploadsRepository } from './uploads.repository.js';

/** What S3 takes in one request. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;

/** Uploads that a client writes to the bucket itself. What becomes of them is the same as for resumable ones. */
@Injectable()
export class DirectUploadsService {
  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'uploads' | 'links'>,
    private readonly uploads: UploadsRepository,
    private readonly storage: Storage,
  ) {}

  /**
   * Hands out the address to write to, and takes the room for all of it.
   * @throws AppError `direct_upload_unsupported`, `validation_failed`, `upload_too_large`, `uploads_exhausted`,
   * `quota_exceeded`
   */
  async begin({ tenantId }: Principal, input: CreateDirectUpload): Promise<DirectUpload> {
    const { sizeBytes, sha256 } = input;
    const { uploads, links } = this.config;
    assertSize(sizeBytes, Math.min(uploads.maxBytes, MAX_PUT_BYTES));
    const metadata = toMetadata(input);
    readAnnouncement(metadata, uploads);
    const id = newId();
    const options = { sizeBytes, expiresInSeconds: links.maxLifetimeS };
    const signed = await this.storage.signUpload(receivedKey(id), options);
    if (!signed) throw new AppError('direct_upload_unsupported');
    const linkEndsAt = new Date(Date.now() + links.maxLifetimeS * 1000);
    const announced = { sizeBytes, metadata, ...(sha256 !== undefined && { sha256 }) };
    const upload = { id, tenantId, protocol: 'direct', announced, reservedBytes: sizeBytes, linkEndsAt } as const;
    await this.uploads.open(upload, uploads.maxOpen);
    return { id, url: signed.url, expiresAt: linkEndsAt.toISOString() };
  }
}

function assertSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes <= limitBytes) return;
  const limit = inBytes(limitBytes);
  const issues = [{ path: ['sizeBytes'], message: `Must be at most ${limit} for a file that goes to the bucket.` }];
  throw new AppError('upload_too_large', { what: 'it may have', limit, issues });
}

/** As a client of tus would send it. */
const toMetadata = ({ filename, kind, name, meta }: CreateDirectUpload): Record<string, string> => ({
  filename,
  kind,
  meta: JSON.stringify(meta),
  ...(name !== undefined && { name }),
});
