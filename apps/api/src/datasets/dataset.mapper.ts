import type { Dataset, DatasetKind, DatasetStatus } from '@influencerai/shared';

/** A row of the table `dataset`, with {@link DATASET_COLUMNS} or as Prisma returns it. */
export interface DatasetRow {
  id: string;
  number: number;
  tenantId: string;
  userId: string | null;
  kind: string;
  path: string;
  meta: unknown;
  status: DatasetStatus;
  stats: unknown;
  problems: unknown;
  upload: unknown;
  createdAt: Date;
  updatedAt: Date;
}

export const DATASET_COLUMNS =
  'id, number, tenant_id as "tenantId", user_id as "userId", kind, path, meta, status, stats, problems, upload, created_at as "createdAt", updated_at as "updatedAt"';

/** The JSON columns are only ever written from the types that they are read as. */
export const fromRow = (row: DatasetRow): Dataset => ({
  id: row.id,
  number: row.number,
  tenantId: row.tenantId,
  userId: row.userId,
  kind: row.kind as DatasetKind,
  path: row.path,
  meta: row.meta as Dataset['meta'],
  status: row.status,
  stats: row.stats as Dataset['stats'],
  problems: row.problems as Dataset['problems'],
  upload: row.upload as Dataset['upload'],
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});
