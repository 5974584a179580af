import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Dataset } from '@influencerai/shared';
import type { WorkerPoolStatus } from '../../src/dialects/manager/manager-workers.schema.js';
import { WORKER_STATUSES } from '../../src/dialects/manager/manager-workers.schema.js';
import { Database } from '../../src/database/database.js';
import { HttpWorker, JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from '../test-app.js';
import { startTokenApp } from '../token-app.js';

const FIXTURES = new URL('../../src/dialects/manager/fixtures/', import.meta.url);
const fixture = <T>(name: string): T => JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), 'utf8')) as T;

let api: TestApp;
beforeAll(async () => void (api = await startTestApp({ env: { LEASE_MS: '600000' } })));
afterAll(() => api.close());

/** As a client sends it, which knows no credentials. */
const send = <T = { detail: unknown }>(route: string, body?: unknown) =>
  api.send<T>(route.replace(' ', ' /api/v1'), { tenant: null, ...(body !== undefined && { body }) });
const report = (change: object = {}) => {
  const body = { host: 'studio', running: 1, maxWorkers: 8, applied: 1_000_000, ...change };
  return api.send<{ wanted: number }>('POST /fleet/pool/reports', { tenant: null, body });
};

describe('/api/v1/workers/', () => {
  it.each([{ action: 'start', worker_count: 1 }, { action: 'stop' }, { action: 'restart' }])(
    'should say that somebody else runs the workers: %j [003:error-workers-409]',
    async (order) => {
      const { status, body } = await send('POST /workers/', order);
      expect([status, body]).toEqual([409, { detail: expect.stringMatching(/somebody else/) }]);
    },
  );

  it('should show the pool as documented [003:endpoint-workers-get,example-workers,worker-statuses]', async () => {
    await report({ running: 4 });
    await api.send('PATCH /config', { body: { maxConcurrentWorkers: 8 } });
    const workers = await Promise.all([1, 2, 3, 4].map(() => new HttpWorker(api).register()));
    const mine = await JobsFixture.create(api, TENANT);
    const others = await JobsFixture.create(api, OTHER_TENANT);
    await mine.submit();
    await workers[0]!.claim();
    await others.submit();
    await workers[1]!.claim();
    for (let count = 0; count < 3; count += 1) await mine.submit();
    const { status, body } = await send<WorkerPoolStatus>('GET /workers/');
    const { workers: documented, ...totals } = fixture<WorkerPoolStatus>('workers.response');
    expect([status, body]).toEqual([200, { ...totals, workers: expect.any(Array) }]);
    for (const worker of body.workers) expect(Object.keys(worker)).toEqual(Object.keys(documented[0]!));
    const jobs = Object.fromEntries(body.workers.map((worker) => [worker.id, [worker.status, worker.current_job_id]]));
    expect(jobs).toEqual({
      [workers[0]!.id]: ['busy', 1],
      // What runs there is another tenant's.
      [workers[1]!.id]: ['busy', null],
      [workers[2]!.id]: ['idle', null],
      [workers[3]!.id]: ['idle', null],
    });
    const { pool } = api.app.get(Database);
    await pool.query('update worker set is_draining = true where id = $1', [workers[2]!.id]);
    await pool.query(`update worker set heartbeat_at = now() - interval '1 hour' where id = $1`, [workers[0]!.id]);
    const later = (await send<WorkerPoolStatus>('GET /workers/')).body.workers;
    expect(new Set(later.map((worker) => worker.status))).toEqual(new Set(WORKER_STATUSES));
  });

  it('should start as many as documented [003:endpoint-workers-control,example-workers-start]', async () => {
    await report({ wanted: 1 });
    const { status, body } = await send<WorkerPoolStatus>('POST /workers/', fixture('workers-start.request'));
    expect([status, Object.keys(body)]).toEqual([200, Object.keys(fixture<object>('workers.response'))]);
    expect((await report()).body.wanted).toBe(3);
  });

  it('should take text that says a number [003:numbers]', async () => {
    await report({ wanted: 1 });
    expect((await send('POST /workers/', { action: 'start', worker_count: '2' })).status).toBe(200);
    expect((await report()).body.wanted).toBe(3);
  });

  it('should start no more than the configuration allows [003:worker-limit]', async () => {
    await report({ wanted: 1 });
    await api.send('PATCH /config', { body: { maxConcurrentWorkers: 2 } });
    expect(
      (await send<WorkerPoolStatus>('POST /workers/', { action: 'start', worker_count: 9 })).body.max_workers,
    ).toBe(2);
    expect((await report()).body.wanted).toBe(2);
  });

  it('should want to know how many [003:worker-count]', async () => {
    const { status, body } = await send('POST /workers/', { action: 'start' });
    expect([status, body]).toEqual([400, { detail: expect.stringMatching(/worker_count/) }]);
    expect((await send('POST /workers/', { action: 'dance' })).status).toBe(422);
    const nothing = await send('POST /workers/', {});
    expect([nothing.status, nothing.body]).toEqual([
      422,
      { detail: [{ loc: ['body', 'action'], msg: 'Field required', type: 'missing' }] },
    ]);
    for (const worker_count of [0, 'two'])
      expect((await send('POST /workers/', { action: 'start', worker_count })).status).toBe(422);
  });

  it('should stop all, and replace all [003:worker-stop,worker-restart,null]', async () => {
    await report({ wanted: 2 });
    expect((await send('POST /workers/', { action: 'restart' })).status).toBe(200);
    expect((await report()).body).toMatchObject({ wanted: 2, generation: 1 });
    expect((await send('POST /workers/', { action: 'stop', worker_count: null })).status).toBe(200);
    expect((await report()).body.wanted).toBe(0);
  });

  it('should take orders from operators alone, where callers prove who they are [003:worker-operators,error-workers-409]', async () => {
    const tokens = await startTokenApp();
    try {
      const order = { body: { action: 'stop' } };
      const tenants = await tokens.makeKey(['read', 'write', 'admin']);
      expect((await tokens.send('POST /api/v1/workers/', { ...order, key: tenants.key })).status).toBe(403);
      expect((await tokens.send('GET /api/v1/workers/', { key: tenants.key })).status).toBe(200);
      const asOperator = { ...order, key: tokens.operatorKey, tenant: TENANT };
      expect((await tokens.send('POST /api/v1/workers/', asOperator)).status).toBe(409);
    } finally {
      await tokens.close();
    }
  });
});

describe('auto_start_workers', () => {
  const job = fixture<object>('job.request');
  const texts = { body: { texts: ['one', 'two'] } };
  /** What a host with nothing to do reports; there are none yet of the workers that were ordered before. */
  const pool = { host: 'studio', running: 0, maxWorkers: 8, applied: 1_000_000 };

  let host: TestApp;
  let number: number;
  beforeEach(async () => {
    host = await startTestApp({ env: { TRAINER_FALLBACK: 'tiny', LEASE_MS: '600000' } });
    ({ number } = (await host.send<Dataset>('POST /datasets/texts', texts)).body);
    await host.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
  });
  afterEach(() => host.close());

  const ask = <T>(route: string, body: object) => host.send<T>(route, { tenant: null, body });
  const wanted = async (change: object = {}) =>
    (await ask<{ wanted: number }>('POST /fleet/pool/reports', { ...pool, ...change })).body.wanted;
  const configure = (limit: number) =>
    ask<object>('PATCH /api/v1/config/', { auto_start_workers: true, max_concurrent_workers: limit });
  const submit = () => ask<{ id: number }>('POST /api/v1/jobs/', { ...job, dataset_id: number });
  const startProject = async () => {
    const traits = [{ trait_type: 'coding', datasets: [{ dataset_id: number, percentage: 100 }] }];
    const project = { name: 'One', base_model: 'tiny-text', output_directory: '/output/one', traits };
    await ask('POST /api/v1/projects/', project);
    return ask('POST /api/v1/projects/1/start', {});
  };

  it('should start a worker for each job that waits, up to the limit [003:range-auto_start_workers]', async () => {
    await wanted({ wanted: 0 });
    await submit();
    expect(await wanted()).toBe(0);
    expect([(await configure(3)).body, await wanted()]).toMatchObject([{ auto_start_workers: true }, 1]);
    await submit();
    expect(await wanted()).toBe(2);
    for (let count = 0; count < 2; count += 1) await submit();
    expect(await wanted()).toBe(3);
    const workers = await Promise.all([1, 2, 3, 4, 5].map(() => new HttpWorker(host).register()));
    await wanted({ wanted: 0 });
    await submit();
    expect([workers.length, await wanted()]).toEqual([5, 0]);
    expect((await startProject()).status).toBe(200);
    expect(await wanted()).toBe(1);
  });

  it('should start one for each of several jobs that come at once', async () => {
    await wanted({ wanted: 0 });
    await configure(8);
    const { pool: database } = host.app.get(Database);
    const client = await database.connect();
    await client.query('begin');
    await client.query('select from worker_pool for update');
    const submissions = [1, 2, 3].map(submit);
    const WAITING = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await database.query(WAITING)).rowCount! < submissions.length);
    await client.query('commit');
    client.release();
    await Promise.all(submissions);
    expect(await wanted()).toBe(3);
  });

  it('should start one more while those of the pool are at work', async () => {
    await wanted({ wanted: 1 });
    await configure(8);
    const worker = await new HttpWorker(host).register([], { host: pool.host });
    await submit();
    expect(await wanted()).toBe(1);
    await worker.claim();
    await submit();
    expect(await wanted()).toBe(2);
  });

  it('should know those that start apart from those that work elsewhere', async () => {
    await wanted({ wanted: 0 });
    const elsewhere = await Promise.all([1, 2, 3].map(() => new HttpWorker(host).register()));
    for (const worker of elsewhere) {
      await submit();
      await worker.claim();
    }
    await configure(8);
    await submit();
    await submit();
    expect(await wanted()).toBe(2);
    await configure(8);
    expect(await wanted()).toBe(2);
  });

  it('should leave workers alone that cannot train the job', async () => {
    await wanted({ wanted: 0 });
    await configure(8);
    await new HttpWorker(host).register([], { trainers: ['kohya'] });
    await submit();
    expect(await wanted()).toBe(1);
  });

  it('should fail nothing when none can be ordered', async () => {
    await configure(8);
    await host.app.get(Database).pool.query('alter table worker_pool rename to lost');
    const answers = [await submit(), await startProject(), await configure(4)];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
  });

  it('should start none for a caller who may not start any [003:worker-operators]', async () => {
    const tokens = await startTokenApp({ env: { TRAINER_FALLBACK: 'tiny' } });
    try {
      const { key } = await tokens.makeKey(['read', 'write', 'admin']);
      const wanted = async (change: object = {}) => {
        const body = { ...pool, ...change };
        return (await tokens.send<{ wanted: number }>('POST /fleet/pool/reports', { key: tokens.workerKey, body }))
          .body;
      };
      await wanted({ wanted: 0 });
      const { number } = (await tokens.send<Dataset>('POST /datasets/texts', { key, ...texts })).body;
      const asked = await tokens.send('PATCH /api/v1/config/', { key, body: { auto_start_workers: true } });
      const submitted = await tokens.send('POST /api/v1/jobs/', { key, body: { ...job, dataset_id: number } });
      expect([asked.status, submitted.status, await wanted()]).toMatchObject([200, 201, { wanted: 0 }]);
    } finally {
      await tokens.close();
    }
  });
});
