import { Injectable } from '@nestjs/common';
import {
  AppError,
  type JobStatus,
  type Page,
  type PageQuery,
  type Session,
  type UpdateJob,
} from '@influencerai/shared';
import { TenantDatabase } from '../../database/tenant-database.js';
import { isUuid } from '../../http/is-uuid.js';
import { fromRow, type SessionRow } from './session.mapper.js';
import * as sql from './sessions.sql.js';

export interface Grant {
  id: string;
  steps: number;
}

/** The steps of sessions: granted, done, and where they were saved. The status is the job's. */
@Injectable()
export class SessionsRepository {
  constructor(private readonly database: TenantDatabase) {}

  async findById(tenantId: string, jobId: string): Promise<Session | undefined> {
    if (!isUuid(jobId)) return undefined;
    const [row] = await this.database.query<SessionRow>(tenantId, sql.FIND, [jobId, tenantId]);
    return row && fromRow(row);
  }

  /** @throws AppError `session_not_found` */
  async getById(tenantId: string, jobId: string): Promise<Session> {
    const session = await this.findById(tenantId, jobId);
    if (!session) throw new AppError('session_not_found', { id: jobId });
    return session;
  }

  async findByName(tenantId: string, name: string): Promise<Session | undefined> {
    const [row] = await this.database.query<SessionRow>(tenantId, sql.FIND_BY_NAME, [name, tenantId]);
    return row && fromRow(row);
  }

  /** The session that a grant was for. @throws AppError `session_not_found` */
  async getByGrant(tenantId: string, grantId: string): Promise<Session> {
    const [row] = await this.database.query<SessionRow>(tenantId, sql.FIND_BY_GRANT, [grantId, tenantId]);
    if (!row) throw new AppError('session_not_found', { id: grantId });
    return fromRow(row);
  }

  async list(tenantId: string, { take, skip }: PageQuery): Promise<Page<Session>> {
    const [rows, totals] = await Promise.all([
      this.database.query<SessionRow>(tenantId, sql.LIST, [tenantId, take, skip]),
      this.database.query<{ total: number }>(tenantId, sql.COUNT, [tenantId]),
    ]);
    return { data: rows.map(fromRow), total: totals[0]?.total ?? 0, take, skip };
  }

  /**
   * Adds steps, once for each id of a grant.
   * @returns the job's status; undefined when nothing was added: the job is over, or all steps are granted
   */
  async grant(tenantId: string, jobId: string, { id, steps }: Grant): Promise<JobStatus | undefined> {
    if (!isUuid(jobId)) return undefined;
    const values = [id, jobId, tenantId, steps];
    const [row] = await this.database.query<{ status: JobStatus }>(tenantId, sql.GRANT, values);
    return row?.status;
  }

  /** Notes how many steps the holder has done; of a job that is no session, nothing. */
  async noteSteps(tenantId: string, jobId: string, { steps, attempt }: UpdateJob): Promise<void> {
    if (!isUuid(jobId)) return;
    await this.database.query(tenantId, sql.NOTE_STEPS, [jobId, tenantId, steps, attempt ?? null]);
  }

  /** Asks the worker that holds the job to save and hand it back; of a job that no worker holds, nothing. */
  async requestRelease(tenantId: string, jobId: string): Promise<void> {
    await this.database.query(tenantId, sql.RELEASE, [jobId, tenantId]);
  }

  /** Whether a worker still saves what the deleted session of that name has trained. */
  async isEnding(tenantId: string, name: string): Promise<boolean> {
    return (await this.database.query(tenantId, sql.FIND_ENDING, [tenantId, name])).length > 0;
  }

  /** The job stays, as one that is no session. */
  async remove(tenantId: string, jobId: string): Promise<void> {
    await this.database.query(tenantId, sql.REMOVE, [jobId, tenantId]);
  }
}
