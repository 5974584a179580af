import { Injectable } from '@nestjs/common';
import { AppError, type Job, type Page, type PageQuery, type Session, SessionNameSchema } from '@influencerai/shared';
import type { Principal } from '../../auth/principal.js';
import { JobsService } from '../jobs.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** Jobs that train the steps they are granted. They are created as jobs are, with `session`. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly jobs: JobsService,
  ) {}

  /** @throws AppError `session_not_found` */
  get({ tenantId }: Principal, jobId: string): Promise<Session> {
    return this.sessions.getById(tenantId, jobId);
  }

  /** By the name that its client gave it, or by the id of its job. @throws AppError `session_not_found` */
  async getByName({ tenantId }: Principal, name: string): Promise<Session> {
    if (!SessionNameSchema.safeParse(name).success) throw new AppError('session_not_found', { id: name });
    return (await this.sessions.findByName(tenantId, name)) ?? this.sessions.getById(tenantId, name);
  }

  /** Newest first. */
  list({ tenantId }: Principal, query: PageQuery): Promise<Page<Session>> {
    return this.sessions.list(tenantId, query);
  }

  /**
   * Lets the worker save and give its slot up; whichever worker is free goes on. A session that no worker holds stays as
   * it is.
   * @throws AppError `session_not_found`
   */
  async release({ tenantId }: Principal, jobId: string): Promise<Session> {
    await this.sessions.getById(tenantId, jobId);
    await this.sessions.requestRelease(tenantId, jobId);
    return this.sessions.getById(tenantId, jobId);
  }

  /**
   * Ends the session: its trainer saves at once and gives the device back. What is over stays as it is.
   * @throws AppError `session_not_found`
   */
  async abort(caller: Principal, jobId: string): Promise<Job> {
    await this.sessions.getById(caller.tenantId, jobId);
    try {
      return await this.jobs.cancel(caller, jobId);
    } catch (error) {
      // It ended by itself before the wish came.
      if (error instanceof AppError && error.code === 'job_transition_refused') return this.jobs.get(caller, jobId);
      throw error;
    }
  }

  /** Ends the session and forgets it; its job and what that made stay. @throws AppError `session_not_found` */
  async remove(caller: Principal, jobId: string): Promise<Job> {
    const job = await this.abort(caller, jobId);
    await this.sessions.remove(caller.tenantId, jobId);
    return job;
  }
}
