import type { ContractItem } from './contract.js';

/** The numbers of a job: what is the least and the most, and what lies beyond. */
export const RANGES_003 = [
  { field: 'batch_size', min: 1, max: 64, beyond: [0, 65, 1.5, 'four'] },
  { field: 'learning_rate', min: 0.000001, max: 1, beyond: [0, 1.1, '1.1'] },
  { field: 'epochs', min: 1, max: 1000, beyond: [0, 1001, 1.5] },
  { field: 'lora_r', min: 1, max: 512, beyond: [0, 513, 1.5] },
  { field: 'lora_alpha', min: 1, max: 512, beyond: [0, 513, 1.5] },
  { field: 'lora_dropout', min: 0, max: 0.9, beyond: [-0.1, 0.91] },
] as const;

/** Jobs, and the configuration that new ones begin with. */
export const JOBS_003: readonly ContractItem[] = [
  { id: 'endpoint-jobs-create', kind: 'endpoint', says: '`POST /api/v1/jobs/`' },
  { id: 'endpoint-jobs-list', kind: 'endpoint', says: '`GET /api/v1/jobs/`' },
  { id: 'endpoint-jobs-get', kind: 'endpoint', says: '`GET /api/v1/jobs/{id}`' },
  { id: 'endpoint-jobs-status', kind: 'endpoint', says: '`GET /api/v1/jobs/{id}/status`' },
  { id: 'endpoint-jobs-cancel', kind: 'endpoint', says: '`POST /api/v1/jobs/{id}/cancel`' },
  { id: 'endpoint-config-get', kind: 'endpoint', says: '`GET /api/v1/config/`' },
  { id: 'endpoint-config-update', kind: 'endpoint', says: '`PATCH /api/v1/config/`' },
  { id: 'example-job', kind: 'example', says: 'a job and its answer' },
  { id: 'example-job-status', kind: 'example', says: 'how far a job is' },
  { id: 'example-config', kind: 'example', says: 'the configuration, and a change of it' },
  ...RANGES_003.map(({ field, min, max }) => ({
    id: `range-${field}`,
    kind: 'range' as const,
    says: `\`${field}\` from ${min} to ${max}`,
  })),
  { id: 'range-max_concurrent_workers', kind: 'range', says: '`max_concurrent_workers` from 1 to 64' },
  {
    id: 'range-auto_start_workers',
    kind: 'range',
    says: '`auto_start_workers` is true or false; true starts workers for jobs that wait, where the caller may start any',
  },
  { id: 'range-name', kind: 'range', says: '`name` of a job has at most 255 characters' },
  { id: 'job-page', kind: 'range', says: '`page_size` of jobs, which documents no most, from 1 to 1000, default 10' },
  { id: 'training-types', kind: 'range', says: '`training_type` is `qlora`, `standard` or `rag`' },
  { id: 'error-job-400', kind: 'error', says: '400: a dataset, model or parameter that cannot be used' },
  { id: 'error-job-404', kind: 'error', says: '404: no such job, or another tenant’s' },
  { id: 'error-cancel-400', kind: 'error', says: '400: a job that is over cannot be cancelled' },
  { id: 'job-statuses', kind: 'rule', says: 'the words for the status of a job' },
  { id: 'job-filter', kind: 'rule', says: 'jobs can be listed by status' },
  { id: 'config-defaults', kind: 'rule', says: 'a new job takes what it leaves out from the configuration' },
  { id: 'config-age', kind: 'rule', says: '`created_at` of the configuration stays, `updated_at` moves with a change' },
  { id: 'config-workers', kind: 'rule', says: '`active_workers` counts those that report just now' },
];
