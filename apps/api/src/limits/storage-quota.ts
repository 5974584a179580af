import { Inject, Injectable } from '@nestjs/common';
import type { AppError } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import { quotaExceeded } from './quota-exceeded.js';
import { type StorageUsage, StorageUsageRepository } from './storage-usage.repository.js';

/**
 * Room for what a tenant uploads. Rows of uploads take it before bytes are stored, in the statement that notes how much
 * they have, so that a crash can be cleaned up after. Files of workers are counted where they are listed, whether there
 * is room or not.
 */
@Injectable()
export class StorageQuota {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly usage: StorageUsageRepository,
  ) {}

  /** Takes room. Requests that come together never take more than there is. @throws AppError `quota_exceeded` */
  async reserve(tenantId: string, bytes: number): Promise<void> {
    if (bytes === 0 || (await this.usage.add(tenantId, bytes, this.defaultBytes))) return;
    throw await this.exceeded(tenantId, bytes);
  }

  /** Gives room back. */
  async release(tenantId: string, bytes: number): Promise<void> {
    if (bytes > 0) await this.usage.subtract(tenantId, bytes);
  }

  /** Only looks, for an early answer to what is sure not to fit. @throws AppError `quota_exceeded` */
  async assertRoom(tenantId: string, bytes: number): Promise<void> {
    const { usedBytes, limitBytes } = await this.describe(tenantId);
    if (usedBytes + bytes > limitBytes) throw await this.exceeded(tenantId, bytes);
  }

  describe(tenantId: string): Promise<StorageUsage> {
    return this.usage.find(tenantId, this.defaultBytes);
  }

  private get defaultBytes(): number {
    return this.config.quotas.storageBytes;
  }

  /** The refusal of what does not fit. */
  async exceeded(tenantId: string, wanted: number): Promise<AppError> {
    const { usedBytes, limitBytes } = await this.describe(tenantId);
    return quotaExceeded({ quota: 'bytes of storage', limit: limitBytes, used: usedBytes, wanted });
  }
}
