import {
  type ControlWorkerPool,
  ControlWorkerPoolSchema,
  fieldError,
  type Worker,
  type WorkerPool,
} from '@influencerai/shared';
import type { WorkerActivity } from '../../fleet/worker-activity.js';
import { toStamp } from './manager.mapper.js';
import type { WorkerControl, WorkerPoolStatus } from './manager-workers.schema.js';

type Status = WorkerPoolStatus['workers'][number]['status'];

/** What a worker that has no job is; with one it is busy, as long as it reports. */
const IDLE_STATUS = { online: 'idle', draining: 'stopped', offline: 'error' } as const satisfies Record<
  Worker['status'],
  Status
>;

/** @throws AppError `validation_failed` when `start` does not say how many */
export function toControl({ action, worker_count }: WorkerControl): ControlWorkerPool {
  if (action !== 'start') return { action };
  const parsed = ControlWorkerPoolSchema.safeParse({ action, workerCount: worker_count });
  if (!parsed.success) throw fieldError(['worker_count'], 'Say with the action start how many.');
  return parsed.data;
}

export interface PoolFacts {
  pool: WorkerPool;
  workers: readonly WorkerActivity[];
  /** How many workers the caller may have. */
  limit: number;
  jobsInQueue: number;
}

/** Workers that have gone are left out: a list of those that there were says nothing about the pool. */
export function fromPool({ pool, workers, limit, jobsInQueue }: PoolFacts): WorkerPoolStatus {
  const shown = workers.filter(({ status, isBusy }) => status !== 'offline' || isBusy).map(fromWorker);
  const count = (wanted: Status) => shown.filter(({ status }) => status === wanted).length;
  const [idle, busy] = [count('idle'), count('busy')];
  const total = Math.max(shown.length, pool.isManaged ? pool.running : 0);
  return {
    total_workers: total,
    active_workers: idle + busy,
    idle_workers: idle,
    busy_workers: busy,
    max_workers: pool.isManaged ? Math.min(pool.maxWorkers, limit) : Math.max(shown.length, limit),
    workers: shown,
    jobs_in_queue: jobsInQueue,
  };
}

const fromWorker = (worker: WorkerActivity): WorkerPoolStatus['workers'][number] => ({
  id: worker.id,
  status: worker.status === 'online' && worker.isBusy ? 'busy' : IDLE_STATUS[worker.status],
  current_job_id: worker.jobNumber,
  jobs_completed: worker.jobsCompleted,
  started_at: toStamp(worker.registeredAt),
  last_activity: toStamp(worker.heartbeatAt),
});
