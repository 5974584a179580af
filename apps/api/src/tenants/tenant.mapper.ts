import type { Tenant } from '@influencerai/shared';

/** A row of the table `tenant`. */
export interface TenantRow extends Omit<Tenant, 'isDisabled' | 'createdAt' | 'maxStorageBytes'> {
  maxStorageBytes: bigint | null;
  disabledAt: Date | null;
  createdAt: Date;
}

export const fromRow = (row: TenantRow): Tenant => ({
  id: row.id,
  name: row.name,
  maxConcurrentJobs: row.maxConcurrentJobs,
  maxConcurrentJobsPerUser: row.maxConcurrentJobsPerUser,
  maxQueuedJobs: row.maxQueuedJobs,
  maxStorageBytes: row.maxStorageBytes === null ? null : Number(row.maxStorageBytes),
  readsPerMinute: row.readsPerMinute,
  writesPerMinute: row.writesPerMinute,
  isDisabled: row.disabledAt !== null,
  createdAt: row.createdAt.toISOString(),
});
