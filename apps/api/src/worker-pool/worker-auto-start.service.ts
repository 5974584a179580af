import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { FleetService } from '../fleet/fleet.service.js';
import { JobsService } from '../jobs/jobs.service.js';
import { TrainingDefaultsService } from '../training-defaults/training-defaults.service.js';
import { WorkerPoolRepository } from './worker-pool.repository.js';

/** Starts workers for jobs that wait, where a tenant's settings ask for it. */
@Injectable()
export class WorkerAutoStartService {
  constructor(
    private readonly defaults: TrainingDefaultsService,
    private readonly jobs: JobsService,
    private readonly fleet: FleetService,
    private readonly pool: WorkerPoolRepository,
  ) {}

  /**
   * Orders a worker for each of the caller's pending jobs that no idle one is there for, up to the tenant's limit and the
   * host's, and does not wait for them. Workers run the jobs of every tenant: a caller who may not order any starts none.
   */
  async startFor(caller: Principal): Promise<void> {
    if (!caller.isOperator || !caller.scopes.includes('admin')) return;
    const { autoStartWorkers, maxConcurrentWorkers: max } = await this.defaults.get(caller);
    const count = autoStartWorkers ? await this.countMissing(caller) : 0;
    if (count > 0) await this.pool.order('start', { count, max });
  }

  private async countMissing(caller: Principal): Promise<number> {
    const state = await this.pool.find();
    if (!state?.isManaged) return 0;
    const { total: waiting } = await this.jobs.list(caller, { status: 'pending', take: 1, skip: 0 });
    const online = (await this.fleet.activity(caller)).filter(({ status }) => status === 'online');
    const idle = online.filter(({ isBusy }) => !isBusy).length;
    const starting = Math.max(0, state.wanted - online.length);
    return waiting - idle - starting;
  }
}
