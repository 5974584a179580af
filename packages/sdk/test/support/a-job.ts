import type { Job } from '../../src/index.js';

/** A pending job, with the given fields in place of the usual ones. */
export const aJob = (fields: Partial<Job> | { status: string } = {}): Job => ({
  id: 'job-1',
  number: 1,
  tenantId: 'tenant_demo',
  userId: null,
  type: 'lora-training',
  status: 'pending',
  payload: { datasetId: 'dataset-1', loraConfigId: 'config-1' },
  result: null,
  costTok: null,
  startedAt: null,
  finishedAt: null,
  createdAt: '2026-01-15T11:30:00.000Z',
  updatedAt: '2026-01-15T11:30:00.000Z',
  trainer: 'tiny',
  priority: 0,
  attempt: 0,
  waitingReason: null,
  cancelRequestedAt: null,
  rerunOf: null,
  ...(fields as Partial<Job>),
});

export const aRunningJob = (currentEpoch: number): Job =>
  aJob({ status: 'running', attempt: 1, result: { progress: { currentEpoch, totalEpochs: 20, loss: 0.02 } } });
