import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkerPool, WorkerPoolOrder } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { startTestApp, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

const request = (body?: unknown) => ({ tenant: null, ...(body !== undefined && { body }) });
const get = async () => (await api.send<WorkerPool>('GET /fleet/pool', request())).body;
const control = (body: unknown) => api.send<WorkerPool>('POST /fleet/pool', request(body));
const report = async (change: object = {}) => {
  const body = { host: 'studio', running: 1, maxWorkers: 4, applied: 1_000_000, ...change };
  return (await api.send<WorkerPoolOrder>('POST /fleet/pool/reports', request(body))).body;
};

describe('the worker pool', () => {
  it('should be run by somebody else until a supervisor reports', async () => {
    expect(await get()).toMatchObject({ isManaged: false });
    const { status, problem } = await control({ action: 'start', workerCount: 1 });
    expect([status, problem.code]).toEqual([409, 'worker_pool_managed_elsewhere']);
  });

  it('should begin with as many as its supervisor says', async () => {
    expect(await report({ wanted: 2 })).toMatchObject({ wanted: 2, generation: 0 });
    expect(await get()).toEqual({ isManaged: true, host: 'studio', wanted: 2, running: 1, maxWorkers: 4 });
  });

  it('should order more, at most as many as the host has room for, none, and others', async () => {
    const before = await report({ wanted: 1 });
    expect((await control({ action: 'start', workerCount: 2 })).body.wanted).toBe(3);
    expect((await control({ action: 'start', workerCount: 60 })).body.wanted).toBe(4);
    expect((await control({ action: 'restart' })).body.wanted).toBe(4);
    expect(await report()).toEqual({ version: before.version + 3, wanted: 4, generation: before.generation + 1 });
    expect((await control({ action: 'stop' })).body.wanted).toBe(0);
  });

  it('should lose no order of several at once', async () => {
    await report({ wanted: 0, maxWorkers: 64 });
    await Promise.all(Array.from({ length: 10 }, () => control({ action: 'start', workerCount: 3 })));
    expect((await report({ maxWorkers: 64 })).wanted).toBe(30);
  });

  it('should answer once the supervisor has begun', async () => {
    const { version } = await report({ wanted: 1, applied: 0 });
    const answer = control({ action: 'start', workerCount: 1 });
    let order = await report({ applied: version });
    while (order.version === version) order = await report({ applied: version });
    await report({ running: 2, applied: order.version });
    expect((await answer).body).toMatchObject({ wanted: 2, running: 2 });
  });

  it('should be nobody’s again when its supervisor falls silent', async () => {
    await report();
    await api.app.get(Database).pool.query(`update worker_pool set reported_at = now() - interval '1 minute'`);
    expect(await get()).toMatchObject({ isManaged: false });
    expect((await control({ action: 'stop' })).status).toBe(409);
  });

  it.each([
    [{ action: 'start' }, 'workerCount'],
    [{ action: 'stop', workerCount: 1 }, 'workerCount'],
    [{ action: 'start', workerCount: 0 }, 'workerCount'],
    [{ action: 'pause' }, 'action'],
    [{}, 'action'],
  ])('should refuse %j and name %s', async (body, field) => {
    const { status, problem } = await control(body);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, [field]]);
  });
});
