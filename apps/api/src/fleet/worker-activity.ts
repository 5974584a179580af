import type { Worker } from '@influencerai/shared';

/** What a worker does, as far as a tenant may know. */
export interface WorkerActivity extends Pick<Worker, 'id' | 'status' | 'registeredAt' | 'heartbeatAt'> {
  /** Whether it runs a job, anybody's. */
  isBusy: boolean;
  /** The tenant's job that it runs. */
  jobNumber: number | null;
  /** Jobs of the tenant that it has completed. */
  jobsCompleted: number;
}
