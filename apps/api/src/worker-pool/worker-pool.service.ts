import { Injectable } from '@nestjs/common';
import {
  AppError,
  type ControlWorkerPool,
  type ReportWorkerPool,
  type WorkerPool,
  type WorkerPoolOrder,
} from '@influencerai/shared';
import { waitFor } from '../http/wait-for.js';
import { WorkerPoolRepository } from './worker-pool.repository.js';

const NOBODY: WorkerPool = { isManaged: false, host: null, wanted: 0, running: 0, maxWorkers: 0 };
/** How long an answer waits for the supervisor to act. */
const PATIENCE_MS = 5_000;

/** Starts and stops workers, where a supervisor runs them. It asks for its orders; nothing here holds a process. */
@Injectable()
export class WorkerPoolService {
  constructor(private readonly pool: WorkerPoolRepository) {}

  async get(): Promise<WorkerPool> {
    const state = await this.pool.find();
    if (!state) return NOBODY;
    const { applied: _, ...pool } = state;
    return pool;
  }

  /**
   * Orders, and waits a little until the supervisor has begun: processes are started, or told to stop.
   * @param max how many workers the caller may have, besides what the host allows
   * @throws AppError `worker_pool_managed_elsewhere` when no supervisor reports
   */
  async control({ action, workerCount = 0 }: ControlWorkerPool, max = Infinity): Promise<WorkerPool> {
    const limit = Math.min(max, 2 ** 31 - 1);
    const version = await this.pool.order(action, { count: workerCount, max: limit });
    if (version === undefined) throw new AppError('worker_pool_managed_elsewhere');
    const isActedOn = (applied = 0) => applied >= version;
    await waitFor(async () => (await this.pool.find())?.applied, isActedOn, { deadline: Date.now() + PATIENCE_MS });
    return this.get();
  }

  /** What a supervisor says; the answer is what it is to do. */
  report(input: ReportWorkerPool): Promise<WorkerPoolOrder> {
    return this.pool.report(input);
  }
}
