import { Injectable } from '@nestjs/common';
import type { AppendJobLogs, JobLogPage, JobMetric, JobMetrics } from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';

type LogLine = JobLogPage['data'][number];
type LogRow = Omit<LogLine, 'cursor' | 'at'> & { at: Date };

/** What a job printed and measured. Callers have checked that the job is the tenant's. */
@Injectable()
export class JobHistoryRepository {
  constructor(private readonly database: Database) {}

  /** Stores the lines that are not stored yet. @returns false when the attempt is not the job's current one. */
  async appendLogs(jobId: string, { attempt, lines }: AppendJobLogs): Promise<boolean> {
    const rows = await this.database.query<{ held: boolean }>(APPEND_LOGS, [jobId, attempt, JSON.stringify(lines)]);
    return rows.length > 0;
  }

  /** Lines after a cursor, oldest first. */
  async listLogs(jobId: string, after: LogPosition, limit: number): Promise<LogLine[]> {
    const rows = await this.database.query<LogRow>(LIST_LOGS, [jobId, after.attempt, after.seq, limit]);
    return rows.map((row) => ({ ...row, at: row.at.toISOString(), cursor: `${row.attempt}.${row.seq}` }));
  }

  /** The loss curve, thinned evenly to at most `maxPoints`; the last point is always there. */
  async metrics(jobId: string, maxPoints: number): Promise<JobMetrics> {
    const rows = await this.database.query<JobMetric & { total: number }>(METRICS, [jobId, maxPoints]);
    return { data: rows.map(({ total: _, ...point }) => point), total: rows[0]?.total ?? 0 };
  }
}

/** The line that was read last; `{ attempt: 0, seq: -1 }` is before the first. */
export interface LogPosition {
  attempt: number;
  seq: number;
}

const APPEND_LOGS: PreparedQuery = {
  name: 'job-log-append',
  text: `with held as (select id from job where id = $1 and attempt = $2), lines as (
      insert into job_log (job_id, attempt, seq, stream, text, at)
      select held.id, $2, l.seq, l.stream, l.text, l.at from held,
        jsonb_to_recordset($3::jsonb) as l(seq int, stream text, text text, at timestamptz)
      on conflict do nothing
    ) select true as held from held`,
};

const LIST_LOGS: PreparedQuery = {
  name: 'job-log-list',
  text: `select attempt, seq, stream, text, at from job_log
    where job_id = $1 and (attempt, seq) > ($2, $3) order by attempt, seq limit $4`,
};

const METRICS: PreparedQuery = {
  name: 'job-metrics',
  text: `with numbered as (
      select step, epoch, loss, learning_rate, row_number() over (order by step) as n, count(*) over () as total
      from job_metric where job_id = $1)
    select step, epoch, loss, learning_rate as "learningRate", total::int from numbered
    where n = total or (n - 1) % greatest(1, ceil(total::numeric / ($2::int - 1))::int) = 0 order by step`,
};
