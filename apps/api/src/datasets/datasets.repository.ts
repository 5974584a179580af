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
import { Database } from '../database/database.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import type { WithId } from '../idempotency/creation-id.js';
import { DATASET_COLUMNS, type DatasetRow, fromRow } from './dataset.mapper.js';
import type { Inspection } from './inspection/inspection.js';

/** The upload that a dataset comes from, and who holds it. */
export interface UploadClaim {
  id: string;
  tenantId: string;
  holder: string;
}

/** A dataset whose files an upload has brought. */
export type UploadedDataset = CreateDataset & { upload: DatasetUpload };

@Injectable()
export class DatasetsRepository {
  constructor(private readonly database: Database) {}

  async create(
    tenantId: string,
    { id = newId(), kind, path, meta }: WithId<CreateDataset>,
    status: DatasetStatus,
  ): Promise<Dataset> {
    const row = await this.write(
      `insert into dataset (id, tenant_id, kind, path, meta, status, updated_at)
        values ($1, $2, $3, $4, $5, $6::dataset_status, now()) returning ${DATASET_COLUMNS}`,
      [id, tenantId, kind, path, JSON.stringify(meta), status],
    );
    return row as Dataset;
  }

  /**
   * Closes an upload and registers what it brought, both or neither.
   * @returns undefined when the upload is not the holder's any more
   */
  createFromUpload(
    { id, tenantId, holder }: UploadClaim,
    { kind, path, meta, upload }: UploadedDataset,
    status: DatasetStatus,
  ): Promise<Dataset | undefined> {
    const json = [JSON.stringify(meta), JSON.stringify(upload)];
    return this.write(CREATE_FROM_UPLOAD, [id, tenantId, holder, kind, path, ...json, status]);
  }

  /** @throws AppError `dataset_not_found` */
  async getById(tenantId: string, id: string): Promise<Dataset> {
    const row = isUuid(id) ? await this.database.prisma.dataset.findFirst({ where: { id, tenantId } }) : null;
    if (!row) throw new AppError('dataset_not_found', { id });
    return fromRow(row);
  }

  async list(
    tenantId: string,
    { status, kind, take, skip, sortBy, sortOrder }: ListDatasetsQuery,
  ): Promise<Page<Dataset>> {
    const where = { tenantId, status, kind };
    const [rows, total] = await Promise.all([
      this.database.prisma.dataset.findMany({
        where,
        take,
        skip,
        orderBy: [{ [sortBy]: sortOrder }, { id: sortOrder }],
      }),
      this.database.prisma.dataset.count({ where }),
    ]);
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `dataset_not_found` */
  async setStatus(tenantId: string, id: string, status: DatasetStatus): Promise<Dataset> {
    const dataset = isUuid(id) ? await this.write(SET_STATUS, [id, tenantId, status]) : undefined;
    if (!dataset) throw new AppError('dataset_not_found', { id });
    return dataset;
  }

  /**
   * Takes over a dataset that waits for its inspection, or whose inspector has been silent for `staleMs`. The row that
   * comes back is the claim: its `updatedAt` is the token that the writes below ask for, so that two processes never
   * inspect one dataset together and a status set by the tenant wins.
   */
  claimNext(staleMs: number): Promise<Dataset | undefined> {
    return this.write(CLAIM, [staleMs]);
  }

  /** Shows that the inspection is alive. @returns the new claim; undefined when it is lost */
  touch(claim: Dataset): Promise<Dataset | undefined> {
    return this.write(TOUCH, [claim.id, claim.updatedAt]);
  }

  /** Hands the dataset back, for any process to inspect. */
  async release(claim: Dataset): Promise<void> {
    await this.write(RELEASE, [claim.id, claim.updatedAt]);
  }

  /** @returns undefined when the claim is lost */
  finish(claim: Dataset, { status, stats, problems }: Inspection): Promise<Dataset | undefined> {
    return this.write(FINISH, [claim.id, claim.updatedAt, status, JSON.stringify(stats), JSON.stringify(problems)]);
  }

  private async write(text: string, values: unknown[]): Promise<Dataset | undefined> {
    const { rows } = await this.database.pool.query<DatasetRow>(text, values);
    return rows[0] && fromRow(rows[0]);
  }
}

const CREATE_FROM_UPLOAD = `with closed as (
    delete from upload where id = $1 and tenant_id = $2 and holder = $3 returning id, tenant_id
  ) insert into dataset (id, tenant_id, kind, path, meta, upload, status, updated_at)
    select id, tenant_id, $4, $5, $6, $7, $8::dataset_status, now() from closed returning ${DATASET_COLUMNS}`;

/** Later than any earlier one even within a millisecond: the column is the token of claims. */
const NEXT_TOKEN = "updated_at = greatest(now(), updated_at + interval '1 millisecond')";

const SET_STATUS = `update dataset set status = $3::dataset_status, ${NEXT_TOKEN} where id = $1 and tenant_id = $2
  returning ${DATASET_COLUMNS}`;

/** Datasets that were measured once are left as their tenant sets them. */
const CLAIM = `update dataset set status = 'processing', ${NEXT_TOKEN} where id = (
    select id from dataset where stats is null
      and (status = 'pending' or (status = 'processing' and updated_at < now() - $1::int * interval '1 millisecond'))
    order by updated_at limit 1 for update skip locked
  ) returning ${DATASET_COLUMNS}`;

const HELD = "id = $1 and updated_at = $2::timestamptz and status = 'processing'";

const TOUCH = `update dataset set ${NEXT_TOKEN} where ${HELD} returning ${DATASET_COLUMNS}`;
const RELEASE = `update dataset set status = 'pending', ${NEXT_TOKEN} where ${HELD} returning ${DATASET_COLUMNS}`;
const FINISH = `update dataset set status = $3::dataset_status, stats = $4, problems = $5, ${NEXT_TOKEN} where ${HELD}
  returning ${DATASET_COLUMNS}`;
