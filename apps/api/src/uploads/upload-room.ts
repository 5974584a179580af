import type { UploadClaim } from '../datasets/datasets.repository.js';
import type { StorageQuota } from '../limits/storage-quota.js';
import type { UploadsRepository } from './uploads.repository.js';

/** So much is taken at once, so that the database is not asked for every chunk. */
const STEP_BYTES = 16 * 1024 * 1024;

/**
 * Room of the tenant's quota for one upload, taken as its bytes come and before they are stored. The row of the upload
 * says how much, so that whoever cleans up after it gives it back.
 */
export class UploadRoom {
  private leftBytes = 0;

  constructor(
    private readonly claim: UploadClaim,
    private readonly quota: StorageQuota,
    private readonly uploads: UploadsRepository,
  ) {}

  /** The same bytes. @throws AppError `quota_exceeded` */
  async *taking(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      if (chunk.length > this.leftBytes) await this.take(chunk.length - this.leftBytes);
      this.leftBytes -= chunk.length;
      yield chunk;
    }
  }

  private async take(bytes: number): Promise<void> {
    // Near the end every byte counts.
    for (const wanted of new Set([Math.max(bytes, STEP_BYTES), bytes])) {
      if (!(await this.uploads.reserve(this.claim, wanted))) continue;
      this.leftBytes += wanted;
      return;
    }
    throw await this.quota.exceeded(this.claim.tenantId, bytes);
  }
}
