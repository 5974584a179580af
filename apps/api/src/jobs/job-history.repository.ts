import { Injectable } from '@nestjs/common';
import type { AppendJobLogs, JobLogPage, JobMetric, JobMetrics } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { JobKey } from './job-key.js';

type LogLine = JobLogPage['data'][number];
type LogRow = Omit<LogLine, 'cursor' | 'at'> & { at: Date };

/** What a job printed and measured; of another tenant's job, nothing. */
@Injectable()
export class JobHistoryRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** Stores the lines that are not stored yet. @returns false when the attempt is not the job's current one. */
  async appendLogs({ tenantId, jobId }: JobKey, { attempt, lines }: AppendJobLogs): Promise<boolean> {
    const rows = await this.database.query<{ held: boolean }>(tenantId, APPEND_LOGS, [
      tenantId,
      jobId,
      attempt,
      JSON.stringify(lines),
    ]);
    return rows.length > 0;
  }

  /** Lines after a cursor, oldest first. */
  async listLogs({ tenantId, jobId }: JobKey, after: LogPosition, limit: number): Promise<LogLine[]> {
    const rows = await this.database.query<LogRow>(tenantId, LIST_LOGS, [
      tenantId,
      jobId,
      after.attempt,
      after.seq,
      limit,
    ]);
    return rows.map(fromLogRow);
  }

  /** The newest lines, oldest first. */
  async recentLogs({ tenantId, jobId }: JobKey, limit: number): Promise<LogLine[]> {
    const rows = await this.database.query<LogRow>(tenantId, RECENT_LOGS, [tenantId, jobId, limit]);
    return rows.map(fromLogRow).reverse();
  }

  /** The loss curve, thinned evenly to at most `maxPoints`; the last point is always there. */
  async metrics({ tenantId, jobId }: JobKey, maxPoints: number): Promise<JobMetrics> {
    const rows = await this.database.query<JobMetric & { total: number }>(tenantId, METRICS, [
      tenantId,
      jobId,
      maxPoints,
    ]);
    return { data: rows.map(({ total: _, ...point }) => point), total: rows[0]?.total ?? 0 };
  }

  /** The newest point of each loss curve, by job. */
  async latest(tenantId: string, jobIds: readonly string[]): Promise<Map<string, JobMetric>> {
    const rows = await this.database.query<JobMetric & { jobId: string }>(tenantId, LATEST, [tenantId, jobIds]);
    return new Map(rows.map(({ jobId, ...point }) => [jobId, point]));
  }
}

const fromLogRow = (row: LogRow): LogLine => ({
  ...row,
  at: row.at.toISOString(),
  cursor: `${row.attempt}.${row.seq}`,
});

/** The line that was read last. */
export interface LogPosition {
  attempt: number;
  seq: number;
}

export const BEFORE_FIRST_LINE: LogPosition = { attempt: 0, seq: -1 };

const APPEND_LOGS: PreparedQuery = {
  name: 'job-log-append',
  text: `with held as (select tenant_id, id from job where tenant_id = $1 and id = $2 and attempt = $3), lines as (
      insert into job_log (tenant_id, job_id, attempt, seq, stream, text, at)
      select held.tenant_id, held.id, $3, l.seq, l.stream, l.text, l.at from held,
        jsonb_to_recordset($4::jsonb) as l(seq int, stream text, text text, at timestamptz)
      on conflict do nothing
    ) select true as held from held`,
};

const LIST_LOGS: PreparedQuery = {
  name: 'job-log-list',
  text: `select attempt, seq, stream, text, at from job_log
    where tenant_id = $1 and job_id = $2 and (attempt, seq) > ($3, $4) order by attempt, seq limit $5`,
};

const RECENT_LOGS: PreparedQuery = {
  name: 'job-log-recent',
  text: `select attempt, seq, stream, text, at from job_log
    where tenant_id = $1 and job_id = $2 order by attempt desc, seq desc limit $3`,
};

const METRICS: PreparedQuery = {
  name: 'job-metrics',
  text: `with numbered as (
      select step, epoch, loss, learning_rate, row_number() over (order by step) as n, count(*) over () as total
      from job_metric where tenant_id = $1 and job_id = $2)
    select step, epoch, loss, learning_rate as "learningRate", total::int from numbered
    where n = total or (n - 1) % greatest(1, ceil(total::numeric / ($3::int - 1))::int) = 0 order by step`,
};

const LATEST: PreparedQuery = {
  name: 'job-metric-latest',
  text: `select wanted.id as "jobId", point.* from unnest($2::uuid[]) wanted (id) cross join lateral (
      select step, epoch, loss, learning_rate as "learningRate" from job_metric
      where tenant_id = $1 and job_id = wanted.id order by step desc limit 1) point`,
};
