import { Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { type JobHolder, JobHoldersRepository } from './job-holders.repository.js';
import type { Principal } from './principal.js';

/** Who may report on a job: the worker that holds it, or its tenant while no worker does. */
@Injectable()
export class JobHolders {
  constructor(private readonly holders: JobHoldersRepository) {}

  /**
   * For what a worker reports: it may repeat its last report when the job is over.
   * @throws AppError `job_not_found`, `job_not_held` unless a worker that registered with the caller's key has the job
   */
  async requireHeld({ tenantId, keyId }: Principal, jobId: string): Promise<JobHolder> {
    const holder = await this.holders.find(tenantId, jobId);
    if (!holder) throw new AppError('job_not_found', { id: jobId });
    if (keyId === undefined || holder.keyId !== keyId) throw new AppError('job_not_held', { id: jobId });
    return holder;
  }

  /**
   * For what a worker reads: nothing of a job that is over.
   * @throws AppError `job_not_found`, `job_not_held`
   */
  async requireRunning(caller: Principal, jobId: string): Promise<void> {
    const { hasLease } = await this.requireHeld(caller, jobId);
    if (!hasLease) throw new AppError('job_not_held', { id: jobId });
  }

  /** For what only a worker hands in. @throws AppError `job_not_found`, `job_not_held` unless some worker runs the job */
  async requireLease({ tenantId }: Principal, jobId: string): Promise<void> {
    const holder = await this.holders.find(tenantId, jobId);
    if (!holder) throw new AppError('job_not_found', { id: jobId });
    if (!holder.hasLease) throw new AppError('job_not_held', { id: jobId });
  }

  /** @throws AppError `job_not_found`, `job_held_by_worker` */
  async requireFree({ tenantId }: Principal, jobId: string): Promise<void> {
    const holder = await this.holders.find(tenantId, jobId);
    if (!holder) throw new AppError('job_not_found', { id: jobId });
    if (holder.hasLease) throw new AppError('job_held_by_worker', { id: jobId });
  }
}
