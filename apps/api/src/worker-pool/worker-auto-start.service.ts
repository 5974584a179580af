import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { TrainingDefaultsService } from '../training-defaults/training-defaults.service.js';
import { WorkerPoolRepository } from './worker-pool.repository.js';

/** Starts workers for jobs that wait, where a tenant's settings ask for it. */
@Injectable()
export class WorkerAutoStartService {
  private readonly logger = new Logger(WorkerAutoStartService.name);

  constructor(
    private readonly defaults: TrainingDefaultsService,
    private readonly pool: WorkerPoolRepository,
  ) {}

  /**
   * Orders a worker for each of the caller's pending jobs that no idle one is there for, up to the tenant's limit and the
   * host's, and does not wait for them. Workers run the jobs of every tenant: a caller who may not order any starts none.
   * What the caller asked for is done by then, so that a failure here is logged and fails nothing.
   */
  async startFor(caller: Principal): Promise<void> {
    if (!caller.isOperator || !caller.scopes.includes('admin')) return;
    try {
      const { autoStartWorkers, maxConcurrentWorkers: max } = await this.defaults.get(caller);
      if (autoStartWorkers) await this.pool.orderForWaiting(caller, { max });
    } catch (error) {
      this.logger.warn({ err: error, tenantId: caller.tenantId }, 'No worker could be ordered for jobs that wait.');
    }
  }
}
