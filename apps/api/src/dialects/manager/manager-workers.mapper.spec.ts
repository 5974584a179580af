import { describe, expect, it } from '@jest/globals';
import type { WorkerActivity } from '../../fleet/worker-activity.js';
import { fromPool, type PoolFacts } from './manager-workers.mapper.js';

const SINCE = '2024-01-01T00:00:00.123Z';
const worker: WorkerActivity = {
  id: 'worker-abc123',
  status: 'online',
  isBusy: false,
  jobNumber: null,
  jobsCompleted: 0,
  registeredAt: SINCE,
  heartbeatAt: SINCE,
};
const POOL: PoolFacts['pool'] = { isManaged: false, host: null, running: 0, maxWorkers: 0, wanted: 0 };

const show = (pool: Partial<PoolFacts['pool']>, there: number, limit: number) =>
  fromPool({
    pool: { ...POOL, ...pool },
    workers: Array<WorkerActivity>(there).fill(worker),
    limit,
    jobsInQueue: 0,
  });

describe('fromPool', () => {
  it.each([
    ['somebody else runs fewer', {}, 1, 4, 4],
    ['somebody else runs more', {}, 6, 4, 6],
    ['a supervisor allows more', { isManaged: true, maxWorkers: 8 }, 1, 4, 4],
    ['a supervisor allows fewer', { isManaged: true, maxWorkers: 2 }, 1, 4, 2],
  ])(
    'should show as the most, where %s, what the configuration says [003:worker-most]',
    (_, pool, there, limit, most) => {
      expect(show(pool, there, limit).max_workers).toBe(most);
    },
  );

  it('should show times in seconds [003:times]', () => {
    const [shown] = show({}, 1, 4).workers;
    expect([shown?.started_at, shown?.last_activity]).toEqual(['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z']);
  });
});
