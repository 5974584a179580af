import type { ContractItem } from './contract.js';

/** The worker pool. */
export const WORKERS_003: readonly ContractItem[] = [
  { id: 'endpoint-workers-get', kind: 'endpoint', says: '`GET /api/v1/workers/`' },
  { id: 'endpoint-workers-control', kind: 'endpoint', says: '`POST /api/v1/workers/` answers 200 with the pool' },
  { id: 'example-workers', kind: 'example', says: 'the documented pool, field by field' },
  { id: 'example-workers-start', kind: 'example', says: 'the documented order' },
  { id: 'worker-statuses', kind: 'range', says: 'workers are `idle`, `busy`, `stopped` or `error`' },
  { id: 'worker-stop', kind: 'rule', says: '`stop` ends all workers; they save and hand their jobs back' },
  { id: 'worker-restart', kind: 'rule', says: '`restart` replaces all workers, as each hands its job back' },
  {
    id: 'worker-operators',
    kind: 'rule',
    says: 'where callers prove who they are, orders are an operator’s, and a tenant may look',
  },
  { id: 'error-workers-409', kind: 'error', says: '409: an orchestrator runs the pool, which is told nothing' },
  { id: 'worker-count', kind: 'rule', says: '`start` needs `worker_count`' },
  { id: 'worker-limit', kind: 'rule', says: 'no more workers than `max_concurrent_workers`' },
  { id: 'worker-most', kind: 'rule', says: '`max_workers` follows `max_concurrent_workers`, whoever runs the workers' },
];
