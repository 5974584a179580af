import { Injectable } from '@nestjs/common';
import {
  AppError,
  type Job,
  type JobSeries,
  type JobStatus,
  type ListJobsQuery,
  type Page,
  type TrainingSpec,
} from '@influencerai/shared';
import type { PlannedSpec } from '@influencerai/trainers';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { isUuid } from '../http/is-uuid.js';
import { fromRow, JOB_COLUMNS, type JobRow } from './job.mapper.js';

/** A job and what it was frozen with. */
export interface JobRecord {
  job: Job;
  spec: TrainingSpec;
  /** The number of its dataset, which may be gone; null for jobs of before there were numbers. */
  datasetNumber: number | null;
}

const FIND: PreparedQuery = {
  name: 'job-find',
  text: `select ${JOB_COLUMNS} from job j where j.id = $1 and j.tenant_id = $2`,
};

const RECORD_COLUMNS = `${JOB_COLUMNS}, j.spec, j.dataset_number`;

/** A job in a list of many: what says what it trains and how far it is. */
export interface JobBrief {
  job: Omit<Job, 'payload'>;
  spec: PlannedSpec & Pick<TrainingSpec, 'baseModel'>;
}

const BRIEF_COLUMNS = `${JOB_COLUMNS.replace('j.payload', `'{}'::jsonb as payload`)},
  jsonb_build_object('baseModel', j.spec -> 'baseModel', 'trainer', j.spec -> 'trainer', 'training', j.spec -> 'training',
    'dataset', jsonb_build_object('examples', j.spec #> '{dataset,examples}')) as spec`;

const FIND_RECORD: PreparedQuery = {
  name: 'job-find-record',
  text: `select ${RECORD_COLUMNS} from job j where j.id = $1 and j.tenant_id = $2`,
};

type RecordRow = JobRow & { spec: TrainingSpec; dataset_number: number | null };

/** A list of records. */
export interface ListRecordsQuery extends ListJobsQuery {
  /** Jobs that run and were asked to stop are listed as cancelled ones. */
  isStopCancel?: boolean;
}

/** What a statement reads, and under which name it is prepared. */
interface Selection {
  name: string;
  columns: string;
}

/** Reads jobs. Their status is written by `JobStateRepository` alone. */
@Injectable()
export class JobsRepository {
  constructor(private readonly database: TenantDatabase) {}

  async findById(tenantId: string, id: string): Promise<Job | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.database.query<JobRow>(tenantId, FIND, [id, tenantId]);
    return row && fromRow(row);
  }

  /** @throws AppError `job_not_found` */
  async getById(tenantId: string, id: string): Promise<Job> {
    const job = await this.findById(tenantId, id);
    if (!job) throw new AppError('job_not_found', { id });
    return job;
  }

  /** @throws AppError `job_not_found` */
  async getRecord(tenantId: string, id: string): Promise<JobRecord> {
    const [row] = isUuid(id) ? await this.database.query<RecordRow>(tenantId, FIND_RECORD, [id, tenantId]) : [];
    if (!row) throw new AppError('job_not_found', { id });
    return toRecord(row);
  }

  async list(tenantId: string, query: ListJobsQuery): Promise<Page<Job>> {
    const page = await this.page<JobRow>(tenantId, query, { name: 'job-list', columns: JOB_COLUMNS });
    return { ...page, data: page.data.map(fromRow) };
  }

  async listRecords(tenantId: string, query: ListRecordsQuery): Promise<Page<JobRecord>> {
    const page = await this.page<RecordRow>(tenantId, query, { name: 'job-list-records', columns: RECORD_COLUMNS });
    return { ...page, data: page.data.map(toRecord) };
  }

  async listBriefs(tenantId: string, query: ListJobsQuery): Promise<Page<JobBrief>> {
    const selection = { name: 'job-list-briefs', columns: BRIEF_COLUMNS };
    const page = await this.page<JobRow & Pick<JobBrief, 'spec'>>(tenantId, query, selection);
    return { ...page, data: page.data.map((row) => ({ job: fromRow(row), spec: row.spec })) };
  }

  async series(tenantId: string, since: Date): Promise<JobSeries['data']> {
    return this.database.query<JobSeries['data'][number]>(tenantId, SERIES, [tenantId, since]);
  }

  /** The folder below the data root that the job alone writes to, and whether a worker holds the job. */
  async outputOf(tenantId: string, id: string): Promise<{ outputKey: string; hasLease: boolean }> {
    const find = { where: { tenantId, id }, select: { outputDir: true, leaseExpiresAt: true } };
    const { outputDir, leaseExpiresAt } = await this.database.read(tenantId, (prisma) =>
      prisma.job.findFirstOrThrow(find),
    );
    return { outputKey: outputDir.slice('data/'.length), hasLease: leaseExpiresAt !== null };
  }

  private async page<Row extends JobRow>(
    tenantId: string,
    query: ListRecordsQuery,
    selection: Selection,
  ): Promise<Page<Row>> {
    const { status = null, type = null, kind, isStopCancel, take, skip } = query;
    const filters = filtersOf(query);
    const values = filters.map(({ value }) => value);
    const count = kind === undefined ? (isStopCancel ? COUNT_SHOWN : COUNT) : COUNT_OF_KIND;
    const counted = [tenantId, status, type, ...(kind === undefined ? [] : [kind])];
    const [data, totals] = await Promise.all([
      this.database.query<Row>(tenantId, listQuery(selection, filters), [tenantId, take, skip, ...values]),
      this.database.query<{ total: number }>(tenantId, count, counted),
    ]);
    return { data, total: totals[0]?.total ?? 0, take, skip };
  }
}

const toRecord = (row: RecordRow): JobRecord => ({
  job: fromRow(row),
  spec: row.spec,
  datasetNumber: row.dataset_number,
});

const COUNT: PreparedQuery = {
  name: 'job-count',
  text: `select coalesce(sum(count), 0)::int as total from job_count
    where tenant_id = $1 and ($2::job_status is null or status = $2) and ($3::text is null or type = $3)`,
};

/** The same, where jobs that run and were asked to stop are among those that are cancelled. */
const COUNT_SHOWN: PreparedQuery = {
  name: 'job-count-shown',
  text: `with stored as (${COUNT.text}), stopped as (
      select count(*) as total from job where tenant_id = $1 and status = 'running' and cancel_requested_at is not null
        and ($3::text is null or type = $3)
    ) select (stored.total + case $2::job_status when 'cancelled' then 1 when 'running' then -1 else 0 end * stopped.total)::int as total
    from stored, stopped`,
};

const COUNT_OF_KIND: PreparedQuery = {
  name: 'job-count-of-kind',
  text: `select count(*)::int as total from job where tenant_id = $1 and ($2::job_status is null or status = $2)
    and ($3::text is null or type = $3) and spec ->> 'kind' = $4`,
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

/** What a list is narrowed by. */
interface Filter {
  name: string;
  value: unknown;
  condition: (parameter: string) => string;
}

function filtersOf({ status, type, kind, isStopCancel }: ListRecordsQuery): Filter[] {
  const all = [
    isStopCancel ? (SHOWN_STATUS[status ?? 'queued'] ?? STATUS_FILTER) : STATUS_FILTER,
    { name: 'type', condition: (parameter: string) => `j.type = ${parameter}` },
    { name: 'kind', condition: (parameter: string) => `(j.spec ->> 'kind') = ${parameter}` },
  ];
  return all
    .map((filter, index) => ({ ...filter, value: [status, type, kind][index] }))
    .filter(({ value }) => value !== undefined);
}

const STATUS_FILTER = { name: 'status', condition: (parameter: string) => `j.status = ${parameter}::job_status` };

/** The states that a request to stop makes others. */
const SHOWN_STATUS: Partial<Record<JobStatus, typeof STATUS_FILTER>> = {
  running: {
    name: 'not-stopped',
    condition: (parameter) => `j.status = ${parameter}::job_status and j.cancel_requested_at is null`,
  },
  cancelled: {
    name: 'stopped',
    condition: (parameter) =>
      `(j.status = ${parameter}::job_status or (j.status = 'running' and j.cancel_requested_at is not null))`,
  },
};

/** A statement per combination of filters, so that each has a plan of its own. */
function listQuery({ name, columns }: Selection, filters: readonly Filter[]): PreparedQuery {
  const conditions = filters.map(({ condition }, index) => `and ${condition(`$${index + 4}`)}`);
  return {
    name: [name, ...filters.map((filter) => filter.name)].join('-'),
    text: `select ${columns} from job j where j.tenant_id = $1 ${conditions.join(' ')}
      order by j.created_at desc, j.id desc limit $2 offset $3`,
  };
}
