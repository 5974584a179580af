import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateDataset,
  type Dataset,
  type DatasetStatus,
  type DatasetUpload,
  type ListDatasetsQuery,
  type Page,
} from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import type { WithId } from '../idempotency/creation-id.js';
import { DATASET_COLUMNS, type DatasetRow, fromRow } from './dataset.mapper.js';
import { NEXT_TOKEN } from './inspections.repository.js';

/** The upload that a dataset comes from, and who holds it. */
export interface UploadClaim {
  id: string;
  tenantId: string;
  holder: string;
}

/** Who is to have a dataset. */
export interface Owned {
  /** Undefined: everybody of the tenant. */
  userId?: string | undefined;
}

/** A dataset whose files an upload has brought. */
export type UploadedDataset = CreateDataset & Owned & { upload: DatasetUpload };

@Injectable()
export class DatasetsRepository {
  constructor(private readonly database: TenantDatabase) {}

  async create(
    tenantId: string,
    { id = newId(), userId, kind, path, meta }: WithId<CreateDataset & Owned>,
    status: DatasetStatus,
  ): Promise<Dataset> {
    const values = [id, tenantId, kind, path, JSON.stringify(meta), status, userId ?? null];
    const [row] = await this.database.query<DatasetRow>(tenantId, CREATE, values);
    return fromRow(row!);
  }

  /**
   * Registers what an upload brought, once.
   * @returns undefined when the upload is not the holder's any more
   */
  async createFromUpload(
    { id, tenantId, holder }: UploadClaim,
    { kind, path, meta, upload, userId }: UploadedDataset,
    status: DatasetStatus,
  ): Promise<Dataset | undefined> {
    const json = [JSON.stringify(meta), JSON.stringify(upload)];
    const values = [id, tenantId, holder, kind, path, ...json, status, upload.bytes, userId ?? null];
    const [row] = await this.database.query<DatasetRow>(tenantId, CREATE_FROM_UPLOAD, values);
    return row && fromRow(row);
  }

  /** @throws AppError `dataset_not_found` */
  async getById(tenantId: string, id: string): Promise<Dataset> {
    const dataset = await this.findById(tenantId, id);
    if (!dataset) throw new AppError('dataset_not_found', { id });
    return dataset;
  }

  async findById(tenantId: string, id: string): Promise<Dataset | undefined> {
    const find = { where: { id, tenantId } };
    const row = isUuid(id) ? await this.database.read(tenantId, (prisma) => prisma.dataset.findFirst(find)) : null;
    return row ? fromRow(row) : undefined;
  }

  /** The newest dataset at a path that can be trained on, or may turn out to be so. */
  async findByPath(
    tenantId: string,
    { kind, path }: Pick<CreateDataset, 'kind' | 'path'>,
  ): Promise<Dataset | undefined> {
    const where = { tenantId, kind, path, status: { not: 'failed' as const } };
    const newest = { where, orderBy: [{ createdAt: 'desc' as const }, { id: 'desc' as const }] };
    const row = await this.database.read(tenantId, (prisma) => prisma.dataset.findFirst(newest));
    return row ? fromRow(row) : undefined;
  }

  async list(
    tenantId: string,
    { status, kind, name, take, skip, sortBy, sortOrder }: ListDatasetsQuery,
  ): Promise<Page<Dataset>> {
    const named = name !== undefined && { meta: { path: ['name'], equals: name } };
    const where = { tenantId, status, kind, ...named };
    const page = { where, take, skip, orderBy: [{ [sortBy]: sortOrder }, { id: sortOrder }] };
    const { rows, total } = await this.database.read(tenantId, async (prisma) => ({
      rows: await prisma.dataset.findMany(page),
      total: await prisma.dataset.count({ where }),
    }));
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** Puts entries into the `meta`; null takes one out. @throws AppError `dataset_not_found` */
  async describe(tenantId: string, id: string, change: Record<string, string | null>): Promise<Dataset> {
    const removed = Object.keys(change).filter((name) => change[name] === null);
    const values = [id, tenantId, JSON.stringify(change), removed];
    const [row] = isUuid(id) ? await this.database.query<DatasetRow>(tenantId, DESCRIBE, values) : [];
    if (!row) throw new AppError('dataset_not_found', { id });
    return fromRow(row);
  }

  /** @throws AppError `dataset_not_found` */
  async setStatus(tenantId: string, id: string, status: DatasetStatus): Promise<Dataset> {
    const values = [id, tenantId, status];
    const [row] = isUuid(id) ? await this.database.query<DatasetRow>(tenantId, SET_STATUS, values) : [];
    if (!row) throw new AppError('dataset_not_found', { id });
    return fromRow(row);
  }
}

/** The room of what is kept is the dataset's from here on. */
const CREATE_FROM_UPLOAD: PreparedQuery = {
  name: 'dataset-create-from-upload',
  text: `with closed as (
      update upload set registered_at = now(), reserved_bytes = greatest(reserved_bytes - $9::bigint, 0)
        where id = $1 and tenant_id = $2 and holder = $3 and registered_at is null returning id, tenant_id
    ) insert into dataset (id, tenant_id, kind, path, meta, upload, status, user_id, updated_at)
      select id, tenant_id, $4, $5, $6, $7, $8::dataset_status, $10, now() from closed returning ${DATASET_COLUMNS}`,
};

const CREATE: PreparedQuery = {
  name: 'dataset-create',
  text: `insert into dataset (id, tenant_id, kind, path, meta, status, user_id, updated_at)
    values ($1, $2, $3, $4, $5, $6::dataset_status, $7, now()) returning ${DATASET_COLUMNS}`,
};

const SET_STATUS: PreparedQuery = {
  name: 'dataset-set-status',
  text: `update dataset set status = $3::dataset_status, ${NEXT_TOKEN} where id = $1 and tenant_id = $2
    returning ${DATASET_COLUMNS}`,
};

/** While the dataset is inspected its time stands still: it is the token of the inspection. */
const DESCRIBE: PreparedQuery = {
  name: 'dataset-describe',
  text: `update dataset set meta = (meta || $3::jsonb) - $4::text[],
      updated_at = case when status = 'processing' then updated_at else greatest(now(), updated_at + interval '1 millisecond') end
    where id = $1 and tenant_id = $2 returning ${DATASET_COLUMNS}`,
};
