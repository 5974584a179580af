import { Global, Module } from '@nestjs/common';
import { StorageQuota } from './storage-quota.js';
import { StorageUsageRepository } from './storage-usage.repository.js';

@Global()
@Module({ providers: [StorageQuota, StorageUsageRepository], exports: [StorageQuota] })
export class LimitsModule {}
