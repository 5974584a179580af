import { Injectable } from '@nestjs/common';
import {
  AppError,
  type AppendJobLogs,
  fieldError,
  type JobLogPage,
  type JobMetric,
  type JobMetrics,
  type ListJobLogsQuery,
} from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { BEFORE_FIRST_LINE, JobHistoryRepository, type LogPosition } from './job-history.repository.js';
import { JobsRepository } from './jobs.repository.js';

/** Logs and loss curves. */
@Injectable()
export class JobHistoryService {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly history: JobHistoryRepository,
  ) {}

  /** @throws AppError `job_not_found`, `job_attempt_stale` */
  async appendLogs({ tenantId }: Principal, id: string, input: AppendJobLogs): Promise<void> {
    const job = await this.jobs.getById(tenantId, id);
    const isHeld = await this.history.appendLogs({ tenantId, jobId: id }, input);
    if (!isHeld) throw new AppError('job_attempt_stale', { id, attempt: input.attempt, current: job.attempt });
  }

  async logs({ tenantId }: Principal, id: string, { after, limit }: ListJobLogsQuery): Promise<JobLogPage> {
    await this.jobs.getById(tenantId, id);
    const lines = await this.history.listLogs({ tenantId, jobId: id }, parseCursor(after), limit + 1);
    const data = lines.slice(0, limit);
    return { data, hasMore: lines.length > limit, cursor: data.at(-1)?.cursor ?? after ?? null };
  }

  async metrics({ tenantId }: Principal, id: string, maxPoints: number): Promise<JobMetrics> {
    await this.jobs.getById(tenantId, id);
    return this.history.metrics({ tenantId, jobId: id }, maxPoints);
  }

  /** The newest point of each loss curve, by job; nothing of jobs that took no step, nor of another tenant's. */
  latest({ tenantId }: Principal, ids: readonly string[]): Promise<Map<string, JobMetric>> {
    return this.history.latest(tenantId, ids);
  }
}

function parseCursor(cursor: string | undefined): LogPosition {
  if (cursor === undefined) return BEFORE_FIRST_LINE;
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(cursor);
  if (!match) throw fieldError(['after'], 'Not a cursor that this list gave out.');
  return { attempt: Number(match[1]), seq: Number(match[2]) };
}
