import { Injectable } from '@nestjs/common';
import {
  ADMITTED_STATUSES,
  AppError,
  type CreateJob,
  type DatasetKind,
  type DatasetStats,
  type DatasetStatus,
  type Job,
  type JobSeries,
  type JobStatus,
  type ListJobsQuery,
  type Page,
  type TrainingSpec,
} from '@influencerai/shared';
import type pg from 'pg';
import { Database, type PreparedQuery } from '../database/database.js';
import { isUuid } from '../http/is-uuid.js';
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

const FIND: PreparedQuery = {
  name: 'job-find',
  text: `select ${JOB_COLUMNS} from job j where j.id = $1 and j.tenant_id = $2`,
};

/** Reads and creates jobs. Their status is written by `JobStateRepository` alone. */
@Injectable()
export class JobsRepository {
  constructor(private readonly database: Database) {}

  async findById(tenantId: string, id: string): Promise<Job | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.database.query<JobRow>(FIND, [id, tenantId]);
    return row && fromRow(row);
  }

  /** @throws AppError `job_not_found` */
  async getById(tenantId: string, id: string): Promise<Job> {
    const job = await this.findById(tenantId, id);
    if (!job) throw new AppError('job_not_found', { id });
    return job;
  }

  async list(tenantId: string, { status, type, take, skip }: ListJobsQuery): Promise<Page<Job>> {
    const [rows, totals] = await Promise.all([
      this.database.query<JobRow>(listQuery(status, type), [
        tenantId,
        take,
        skip,
        ...[status, type].filter((value) => value !== undefined),
      ]),
      this.database.query<{ total: number }>(COUNT, [tenantId, status ?? null, type ?? null]),
    ]);
    return { data: rows.map(fromRow), total: totals[0]?.total ?? 0, take, skip };
  }

  async series(tenantId: string, since: Date): Promise<JobSeries['data']> {
    return this.database.query<JobSeries['data'][number]>(SERIES, [tenantId, since]);
  }

  /**
   * Creates a job: `pending` when the tenant has room, else `queued`. The tenant's row is locked, so that concurrent
   * submissions cannot pass the limit together; the configuration is locked against deletion.
   * A folder that another job writes to is replaced by one inside it.
   * @param decide turns the sources into the frozen spec; what it throws undoes everything.
   * @throws AppError `dataset_not_found`, `lora_config_not_found`
   */
  async create(
    tenantId: string,
    id: string,
    input: CreateJob,
    decide: (sources: JobSources) => Promise<TrainingSpec>,
  ): Promise<Job> {
    return this.database.transaction(async (client) => {
      const limit = await lockTenant(client, tenantId);
      const spec = await decide(await readSources(client, tenantId, input.payload));
      const { admitted, queued } = await countActive(client, tenantId);
      const hasRoom = admitted < limit && queued === 0;
      const job = { id, tenantId, input, hasRoom, limit };
      const row = (await insert(client, job, spec)) ?? (await insert(client, job, inOwnFolder(spec, id)));
      if (!row) throw new Error(`The folder of job ${id} belongs to another job.`);
      return fromRow(row);
    });
  }

  /** The folder below the data root that the job alone writes to. */
  async outputDirOf(id: string): Promise<string> {
    const job = await this.database.prisma.job.findUniqueOrThrow({ where: { id }, select: { outputDir: true } });
    return job.outputDir;
  }
}

/** Why a job of a tenant at its limit is not admitted. */
export const limitReason = (limit: number): string =>
  `The tenant's limit of ${limit} concurrent jobs is reached; it is admitted when one of them ends.`;

interface NewJob {
  id: string;
  tenantId: string;
  input: CreateJob;
  hasRoom: boolean;
  limit: number;
}

/** @returns undefined when another job, of any tenant, writes to the folder of the spec */
async function insert(client: pg.PoolClient, job: NewJob, spec: TrainingSpec): Promise<JobRow | undefined> {
  const { id, tenantId, input, hasRoom, limit } = job;
  const { rows } = await client.query<JobRow>(INSERT, [
    id,
    tenantId,
    input.type,
    hasRoom ? 'pending' : 'queued',
    spec.trainer,
    input.priority,
    input.payload,
    spec,
    spec.dataset.id,
    input.payload.loraConfigId,
    spec.output.dir,
    hasRoom ? 'Waiting for a free worker slot.' : limitReason(limit),
  ]);
  return rows[0];
}

/** A folder inside the wanted one that carries the job's id, so that no two jobs ever share one. */
const inOwnFolder = (spec: TrainingSpec, id: string): TrainingSpec => ({
  ...spec,
  output: { ...spec.output, dir: `${spec.output.dir}/${id}` },
});

async function lockTenant(client: pg.PoolClient, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ limit: number }>(
    'select max_concurrent_jobs as limit from tenant where id = $1 for no key update',
    [tenantId],
  );
  return rows[0]?.limit ?? 0;
}

async function readSources(client: pg.PoolClient, tenantId: string, ids: CreateJob['payload']): Promise<JobSources> {
  const { datasetId, loraConfigId } = ids;
  const dataset = isUuid(datasetId)
    ? await client.query<JobSources['dataset']>(DATASET, [datasetId, tenantId])
    : undefined;
  if (!dataset?.rows[0]) throw new AppError('dataset_not_found', { id: datasetId });
  const config = isUuid(loraConfigId)
    ? await client.query<JobSources['config']>(CONFIG, [loraConfigId, tenantId])
    : undefined;
  if (!config?.rows[0]) throw new AppError('lora_config_not_found', { id: loraConfigId });
  return { dataset: dataset.rows[0], config: config.rows[0] };
}

async function countActive(client: pg.PoolClient, tenantId: string): Promise<{ admitted: number; queued: number }> {
  const { rows } = await client.query<{ admitted: number; queued: number }>(ACTIVE, [tenantId, ADMITTED_STATUSES]);
  return rows[0] ?? { admitted: 0, queued: 0 };
}

const DATASET = 'select id, kind, path, status, meta, stats from dataset where id = $1 and tenant_id = $2 for share';

const CONFIG = `select id, name, model_name as "modelName", epochs, learning_rate as "learningRate", batch_size as "batchSize", resolution,
  network_dim as "networkDim", network_alpha as "networkAlpha", output_path as "outputPath", meta
  from lora_config where id = $1 and tenant_id = $2 for share`;

const ACTIVE = `select coalesce(sum(count) filter (where status = any($2::job_status[])), 0)::int as admitted,
  coalesce(sum(count) filter (where status = 'queued'), 0)::int as queued from job_count where tenant_id = $1`;

/** `notified_at` is set because the wake-up is sent right after the commit; the sweep repeats it if it gets lost. */
const INSERT = `with j as (
    insert into job (id, tenant_id, type, status, trainer, priority, payload, spec, dataset_id, lora_config_id, output_dir,
      waiting_reason, notified_at, updated_at)
    values ($1, $2, $3, $4::job_status, $5, $6, $7, $8, $9, $10, $11, $12, case when $4 = 'pending' then now() end, now())
    on conflict (output_dir) do nothing
    returning *
  ), event as (
    insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'status', jsonb_build_object('from', null, 'to', status, 'reason', 'Submitted.', 'attempt', 0) from j
  ) select ${JOB_COLUMNS} from j`;

const COUNT: PreparedQuery = {
  name: 'job-count',
  text: `select coalesce(sum(count), 0)::int as total from job_count
    where tenant_id = $1 and ($2::job_status is null or status = $2) and ($3::text is null or type = $3)`,
};

const SERIES: PreparedQuery = {
  name: 'job-series',
  text: `select to_char(coalesce(finished_at, created_at) at time zone 'utc', 'YYYY-MM-DD') as date,
      count(*) filter (where status = 'completed')::int as completed,
      count(*) filter (where status = 'failed')::int as failed,
      count(*) filter (where status in ('queued', 'pending'))::int as pending,
      count(*) filter (where status = 'running')::int as running,
      count(*) filter (where status = 'cancelled')::int as cancelled
    from job where tenant_id = $1 and coalesce(finished_at, created_at) >= $2 group by 1 order by 1`,
};

/** A statement per combination of filters, so that each has a plan of its own. */
function listQuery(status: JobStatus | undefined, type: string | undefined): PreparedQuery {
  const conditions = ['j.tenant_id = $1'];
  if (status !== undefined) conditions.push('j.status = $4::job_status');
  if (type !== undefined) conditions.push(`j.type = $${status === undefined ? 4 : 5}`);
  return {
    name: `job-list${status === undefined ? '' : '-status'}${type === undefined ? '' : '-type'}`,
    text: `select ${JOB_COLUMNS} from job j where ${conditions.join(' and ')} order by j.created_at desc, j.id desc limit $2 offset $3`,
  };
}
