import { Inject, Injectable } from '@nestjs/common';
import {
  ADMITTED_STATUSES,
  AppError,
  type CreateJob,
  type DatasetKind,
  type DatasetStats,
  type DatasetStatus,
  type Job,
  type TrainingSpec,
} from '@influencerai/shared';
import type pg from 'pg';
import { TenantDatabase } from '../database/tenant-database.js';
import { CONFIG, type Config } from '../env.js';
import { isUuid } from '../http/is-uuid.js';
import { quotaExceeded } from '../limits/quota-exceeded.js';
import { TenantRoots } from '../storage/tenant-roots.js';
import { fromRow, JOB_COLUMNS, type JobRow } from './job.mapper.js';

/** The dataset and the configuration of a job to be, locked until its row is committed. */
export interface JobSources {
  dataset: {
    id: string;
    kind: DatasetKind;
    path: string;
    status: DatasetStatus;
    meta: Record<string, unknown>;
    stats: DatasetStats | null;
  };
  config: {
    id: string;
    name: string;
    modelName: string;
    epochs: number;
    learningRate: number;
    batchSize: number;
    resolution: number;
    networkDim: number;
    networkAlpha: number;
    outputPath: string | null;
    meta: Record<string, unknown>;
  };
}

/** Creates jobs, and reads what they are made of. */
@Injectable()
export class JobSubmissionsRepository {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: TenantDatabase,
    private readonly roots: TenantRoots,
  ) {}

  /**
   * The dataset and the configuration that a job would be made of, without locking them.
   * @throws AppError `dataset_not_found`, `lora_config_not_found`
   */
  async getSources(tenantId: string, { datasetId, loraConfigId }: CreateJob['payload']): Promise<JobSources> {
    const dataset = await this.getDataset(tenantId, datasetId);
    const [config] = isUuid(loraConfigId)
      ? await this.database.query<JobSources['config']>(tenantId, FIND_CONFIG, [loraConfigId, tenantId])
      : [];
    if (!config) throw new AppError('lora_config_not_found', { id: loraConfigId });
    return { dataset, config };
  }

  /** @throws AppError `dataset_not_found` */
  async getDataset(tenantId: string, id: string): Promise<JobSources['dataset']> {
    const [dataset] = isUuid(id)
      ? await this.database.query<JobSources['dataset']>(tenantId, FIND_DATASET, [id, tenantId])
      : [];
    if (!dataset) throw new AppError('dataset_not_found', { id });
    return dataset;
  }

  /**
   * Creates a job: `pending` when the tenant has room, else `queued`. The tenant's row is locked, so that concurrent
   * submissions cannot pass the limit together; the configuration is locked against deletion.
   * A folder that another job writes to is replaced by one inside it.
   * @param decide turns the sources into the frozen spec; what it throws undoes everything.
   * @throws AppError `dataset_not_found`, `lora_config_not_found`, `quota_exceeded`
   */
  async create(
    tenantId: string,
    id: string,
    input: CreateJob,
    decide: (sources: JobSources) => Promise<TrainingSpec>,
  ): Promise<Job> {
    const { datasetId, loraConfigId } = input.payload;
    return this.submit({ tenantId, id, rerunOf: null, ...input }, async (client) => {
      const dataset = await readDataset(client, tenantId, datasetId);
      return decide({ dataset, config: await readConfig(client, tenantId, loraConfigId) });
    });
  }

  /**
   * Creates a job that repeats another one's spec, under the same limit. The configuration is not asked for: it may be
   * gone.
   * @param check looks at the dataset as it is then; what it throws undoes everything.
   * @throws AppError `dataset_not_found`, `quota_exceeded`
   */
  async rerun(rerun: Rerun, check: (dataset: JobSources['dataset']) => void): Promise<Job> {
    const { id, source, spec, priority } = rerun;
    const { tenantId, type, payload, id: rerunOf } = source;
    const input = { tenantId, id, type, payload: payload as CreateJob['payload'], priority, rerunOf };
    return this.submit(input, async (client) => {
      check(await readDataset(client, tenantId, spec.dataset.id));
      return spec;
    });
  }

  private submit(input: Submission, decide: (client: pg.PoolClient) => Promise<TrainingSpec>): Promise<Job> {
    const { tenantId, id } = input;
    return this.database.transaction(tenantId, async (client) => {
      const { limit, maxQueued } = await this.lockTenant(client, tenantId);
      const { admitted, queued } = await countActive(client, tenantId);
      const hasRoom = admitted < limit && queued === 0;
      if (!hasRoom) assertQueueRoom(queued, maxQueued);
      const spec = await decide(client);
      const job = { ...input, hasRoom, limit };
      const row = (await this.insert(client, job, spec)) ?? (await this.insert(client, job, inOwnFolder(spec, id)));
      if (!row) throw new Error(`The folder of job ${id} belongs to another job.`);
      return fromRow(row);
    });
  }

  private async lockTenant(client: pg.PoolClient, tenantId: string): Promise<{ limit: number; maxQueued: number }> {
    const { rows } = await client.query<{ limit: number; maxQueued: number }>(LOCK_TENANT, [
      tenantId,
      this.config.quotas.queuedJobs,
    ]);
    return rows[0] ?? { limit: 0, maxQueued: 0 };
  }

  /** @returns undefined when another job writes to the folder of the spec */
  private async insert(client: pg.PoolClient, job: NewJob, spec: TrainingSpec): Promise<JobRow | undefined> {
    const { id, tenantId, type, payload, priority, rerunOf, hasRoom, limit } = job;
    const { rows } = await client.query<JobRow>(INSERT, [
      id,
      tenantId,
      type,
      hasRoom ? 'pending' : 'queued',
      spec.trainer,
      priority,
      payload,
      spec,
      spec.dataset.id,
      payload.loraConfigId,
      `data/${this.roots.keyOf({ tenantId, path: spec.output.dir })}`,
      hasRoom ? 'Waiting for a free worker slot.' : limitReason(limit),
      rerunOf,
    ]);
    return rows[0];
  }
}

/** Why a job of a tenant at its limit is not admitted. */
export const limitReason = (limit: number): string =>
  `The tenant's limit of ${limit} concurrent jobs is reached; it is admitted when one of them ends.`;

/** A job that is to repeat the spec of another. */
export interface Rerun {
  id: string;
  source: Job;
  /** The source's, with an output folder of its own. */
  spec: TrainingSpec;
  priority: number;
}

interface Submission {
  id: string;
  tenantId: string;
  type: string;
  payload: CreateJob['payload'];
  priority: number;
  rerunOf: string | null;
}

interface NewJob extends Submission {
  hasRoom: boolean;
  limit: number;
}

/** A folder inside the wanted one that carries the job's id, so that no two jobs ever share one. */
const inOwnFolder = (spec: TrainingSpec, id: string): TrainingSpec => ({
  ...spec,
  output: { ...spec.output, dir: `${spec.output.dir}/${id}` },
});

function assertQueueRoom(used: number, limit: number): void {
  if (used >= limit) throw quotaExceeded({ quota: 'queued jobs', limit, used, wanted: 1 });
}

/** Until the transaction ends, nobody deletes the row or changes it. */
const LOCKED = ' for share';

async function readDataset(client: pg.PoolClient, tenantId: string, id: string) {
  const found = isUuid(id) ? await client.query<JobSources['dataset']>(DATASET + LOCKED, [id, tenantId]) : undefined;
  if (!found?.rows[0]) throw new AppError('dataset_not_found', { id });
  return found.rows[0];
}

async function readConfig(client: pg.PoolClient, tenantId: string, id: string) {
  const found = isUuid(id) ? await client.query<JobSources['config']>(LORA_CONFIG + LOCKED, [id, tenantId]) : undefined;
  if (!found?.rows[0]) throw new AppError('lora_config_not_found', { id });
  return found.rows[0];
}

async function countActive(client: pg.PoolClient, tenantId: string): Promise<{ admitted: number; queued: number }> {
  const { rows } = await client.query<{ admitted: number; queued: number }>(ACTIVE, [tenantId, ADMITTED_STATUSES]);
  return rows[0] ?? { admitted: 0, queued: 0 };
}

const LOCK_TENANT = `select max_concurrent_jobs as limit, coalesce(max_queued_jobs, $2::int) as "maxQueued" from tenant
  where id = $1 for no key update`;

const DATASET = 'select id, kind, path, status, meta, stats from dataset where id = $1 and tenant_id = $2';

const LORA_CONFIG = `select id, name, model_name as "modelName", epochs, learning_rate as "learningRate", batch_size as "batchSize", resolution,
  network_dim as "networkDim", network_alpha as "networkAlpha", output_path as "outputPath", meta
  from lora_config where id = $1 and tenant_id = $2`;

const FIND_DATASET = { name: 'job-source-dataset', text: DATASET };
const FIND_CONFIG = { name: 'job-source-config', text: LORA_CONFIG };

const ACTIVE = `select coalesce(sum(count) filter (where status = any($2::job_status[])), 0)::int as admitted,
  coalesce(sum(count) filter (where status = 'queued'), 0)::int as queued from job_count where tenant_id = $1`;

/** `notified_at` is set because the wake-up is sent right after the commit; the sweep repeats it if it gets lost. */
const INSERT = `with j as (
    insert into job (id, tenant_id, type, status, trainer, priority, payload, spec, dataset_id, lora_config_id, output_dir,
      waiting_reason, rerun_of, notified_at, updated_at)
    values ($1, $2, $3, $4::job_status, $5, $6, $7, $8, $9, $10, $11, $12, $13, case when $4 = 'pending' then now() end, now())
    on conflict (output_dir) do nothing
    returning *
  ), event as (
    insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'status', jsonb_build_object('from', null, 'to', status, 'reason', 'Submitted.', 'attempt', 0) from j
  ) select ${JOB_COLUMNS} from j`;
