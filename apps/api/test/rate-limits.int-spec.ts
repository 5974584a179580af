import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { findRedisProgram, type RedisServer, startRedis } from '@influencerai/local';
import type { AuditLogPage, Usage } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { PostgresRates } from '../src/limits/postgres-rates.repository.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startReplica, startTestApp, type TestApp, type TestResponse } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

const redisProgram = await findRedisProgram();
const backends = redisProgram ? (['postgres', 'redis'] as const) : (['postgres'] as const);

let tenants = 0;
let tenant: string;
beforeEach(() => {
  tenant = `tenant_limited_${(tenants += 1)}`;
});

const burst = (count: number, send: (index: number) => Promise<TestResponse>): Promise<TestResponse[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => send(index)));
const passed = (answers: TestResponse[]) => answers.filter(({ status }) => status !== 429);
const refused = (answers: TestResponse[]) => answers.filter(({ status }) => status === 429);
const numbers = (answers: TestResponse[], header: string) => answers.map(({ headers }) => Number(headers.get(header)));

class Stores {
  private constructor(
    private readonly folder: string,
    public redis: RedisServer | undefined,
  ) {}

  static async start(backend: string): Promise<Stores> {
    const folder = await mkdtemp(join(tmpdir(), 'rates-'));
    const stores = new Stores(folder, undefined);
    if (backend === 'redis') await stores.startRedis();
    return stores;
  }

  async startRedis(port?: number): Promise<void> {
    this.redis = await startRedis({ program: redisProgram as string, folder: this.folder, ...(port && { port }) });
  }

  env(change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { RATE_LIMITS: 'on', ...(this.redis && { REDIS_URL: this.redis.url }), ...change };
  }

  async stop(): Promise<void> {
    await this.redis?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe.each(backends)('limits on requests, counted in %s', (backend) => {
  let stores: Stores;
  let apis: [TestApp, TestApp];
  beforeAll(async () => {
    stores = await Stores.start(backend);
    const first = await startTestApp({ env: stores.env() });
    apis = [first, await startReplica(first, stores.env())];
  });
  afterAll(async () => {
    await apis[1].close();
    await apis[0].close();
    await stores.stop();
  });

  const send = (route: string, request = {}) => apis[0].send(route, { tenant, ...request });
  const sendToEach = (index: number, route: string) => apis[index % 2 === 0 ? 0 : 1].send(route, { tenant });

  it.each([
    ['reads', 'GET /datasets', 100, 'read'],
    ['writes', 'POST /lora-configs', 10, 'write'],
  ])('should let exactly the allowed number of %s pass over two replicas', async (_, route, quantity, policy) => {
    const answers = await burst(300, (index) => sendToEach(index, route));
    expect([passed(answers).length, refused(answers).length]).toEqual([quantity, 300 - quantity]);
    expect(numbers(passed(answers), 'x-ratelimit-remaining').sort((a, b) => a - b)).toEqual([
      ...Array(quantity).keys(),
    ]);
    expect(new Set(numbers(answers, 'x-ratelimit-limit'))).toEqual(new Set([quantity]));
    for (const { headers } of answers) {
      const left = Number(headers.get('x-ratelimit-remaining'));
      expect(headers.get('ratelimit-policy')).toBe(`"${policy}";q=${quantity};w=60`);
      expect(headers.get('ratelimit')).toMatch(new RegExp(`^"${policy}";r=${left};t=(60|[1-5]?\\d)$`));
      const resetInS = Number(headers.get('x-ratelimit-reset')) - Date.now() / 1000;
      expect(resetInS).toBeGreaterThan(0);
      expect(resetInS).toBeLessThanOrEqual(61);
    }
    for (const { problem, headers } of refused(answers)) {
      expect([problem.code, headers.get('x-ratelimit-remaining')]).toEqual(['rate_limited', '0']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(problem.message).toMatch(new RegExp(`^More than ${quantity} requests \\(${policy}\\) in 60 seconds\\.`));
    }
  });

  it('should count tenants, reads and writes apart', async () => {
    await burst(20, () => send('POST /lora-configs'));
    expect((await send('GET /datasets')).headers.get('x-ratelimit-remaining')).toBe('99');
    const other = await apis[1].send('POST /lora-configs', { tenant: `${tenant}_other`, body: {} });
    expect([other.status, other.headers.get('x-ratelimit-remaining')]).toEqual([400, '9']);
  });

  it('should tell the truth in Retry-After', async () => {
    const hasty = await startReplica(apis[0], stores.env({ RATE_LIMIT_WINDOW_S: '3', RATE_LIMIT_READS: '2' }));
    const read = () => hasty.send('GET /datasets', { tenant });
    for (let round = 0; round < 2; round += 1) {
      const answers = await burst(5, read);
      expect(passed(answers).length).toBe(2);
      await pause(Math.max(...numbers(refused(answers), 'retry-after')) * 1000);
    }
    expect((await read()).status).toBe(200);
    await hasty.close();
  });

  it("should take a tenant's own quantities", async () => {
    await apis[0].app
      .get(Database)
      .prisma.tenant.create({ data: { id: tenant, readsPerMinute: 3, writesPerMinute: 0 } });
    expect(passed(await burst(9, () => send('GET /datasets'))).length).toBe(3);
    expect(passed(await burst(2, () => send('POST /lora-configs'))).length).toBe(0);
  });

  it('should not count health, the fleet’s routes, or what workers report', async () => {
    const fixture = await JobsFixture.create(apis[0], tenant);
    await fixture.submit();
    const worker = await new HttpWorker(apis[0]).register();
    const job = await worker.claim();
    const report = () =>
      apis[0].send(`PATCH /jobs/${job?.jobId}`, {
        tenant: job?.tenantId,
        body: { attempt: 1, result: { progress: {} } },
      });
    const answers = await Promise.all([
      burst(20, report),
      burst(20, () => worker.heartbeat([])),
      burst(120, () => send('GET /health/live')),
    ]);
    expect(new Set(answers.flat().map(({ status, headers }) => `${status} ${headers.get('ratelimit')}`))).toEqual(
      new Set(['200 null']),
    );
  });

  it('should let many times as many pass where a contract knows no limit, and count them by themselves', async () => {
    const polls = await burst(101, () => send('GET /sessions'));
    expect(passed(polls)).toHaveLength(101);
    expect(Math.min(...numbers(polls, 'x-ratelimit-remaining'))).toBe(2000 - 101);
    const writes = await burst(11, () => send('POST /sessions'));
    expect(passed(writes)).toHaveLength(11);
    expect(writes[0]?.headers.get('ratelimit-policy')).toBe('"face-write";q=200;w=60');
    expect((await send('GET /datasets')).headers.get('x-ratelimit-remaining')).toBe('99');
    const replica = await startReplica(apis[0], stores.env({ RATE_LIMIT_FACE_FACTOR: '12' }));
    const { headers } = await replica.send('POST /sessions', { tenant });
    await replica.close();
    expect(headers.get('ratelimit-policy')).toBe('"face-write";q=120;w=60');
  });

  it("should take a tenant's own quantities for every contract as they are", async () => {
    await apis[0].app.get(Database).prisma.tenant.create({ data: { id: tenant, writesPerMinute: 2 } });
    const writes = await burst(3, () => send('POST /sessions'));
    expect([passed(writes).length, refused(writes).length]).toEqual([2, 1]);
    expect(refused(writes)[0]?.body).toEqual({ detail: expect.stringContaining('2 requests (face-write)') });
    expect((await send('GET /sessions')).headers.get('ratelimit-policy')).toBe('"face-read";q=2000;w=60');
  });

  it('should show at /usage what is left, and count that look alone', async () => {
    await burst(3, () => send('POST /lora-configs'));
    const { body } = await apis[1].send<Usage>('GET /usage', { tenant });
    expect(body).toEqual({
      jobs: { running: 0, admitted: { used: 0, limit: 5 }, queued: { used: 0, limit: 1000 } },
      storage: { usedBytes: 0, limitBytes: 107374182400 },
      rates: [
        { policy: 'read', limit: 100, remaining: 99, windowSeconds: 60, resetAt: expect.any(String) },
        { policy: 'write', limit: 10, remaining: 7, windowSeconds: 60, resetAt: expect.any(String) },
        { policy: 'face-read', limit: 2000, remaining: 2000, windowSeconds: 60, resetAt: null },
        { policy: 'face-write', limit: 200, remaining: 200, windowSeconds: 60, resetAt: null },
      ],
    });
  });

  const metricOf = async (name: string): Promise<number> => {
    const { text } = await apis[0].send('GET /metrics', { tenant: null });
    return Number(new RegExp(`^${name}\\{policy="read"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  };

  const outage = {
    postgres: {
      begin: () => apis[0].app.get(Database).pool.query('alter table rate_count rename to rate_count_away'),
      end: () => apis[0].app.get(Database).pool.query('alter table rate_count_away rename to rate_count'),
    },
    redis: { begin: () => stores.redis?.stop(), end: () => stores.startRedis(stores.redis?.port) },
  }[backend];

  it('should let reads pass while the store is away, say so, and count again when it is back', async () => {
    const before = await metricOf('influencerai_rate_uncounted_total');
    await send('GET /datasets');
    await outage.begin();
    const answers = await burst(150, () => send('GET /datasets'));
    const writes = await burst(20, () => send('POST /lora-configs'));
    const uncounted = await metricOf('influencerai_rate_uncounted_total');
    const rates = (await send('GET /usage')).body as Usage;
    await outage.end();

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ headers }) => headers.get('x-ratelimit-status')))).toEqual(new Set(['not-counted']));
    expect(uncounted - before).toBe(150);
    expect(rates.rates.map(({ remaining }) => remaining)).toEqual([null, null, null, null]);
    if (backend === 'redis') expect(passed(writes).length).toBe(10);
    else
      expect(new Set(writes.map(({ status, headers }) => `${status} ${headers.get('retry-after')}`))).toEqual(
        new Set(['503 1']),
      );
    const isBack = async () => (await send('GET /datasets')).headers.get('x-ratelimit-status') === null;
    while (!(await isBack())) await pause(50);
    expect((await send('GET /datasets')).headers.get('x-ratelimit-remaining')).not.toBeNull();
  });
});

describe('a count in postgres that many wait for', () => {
  let api: TestApp;
  beforeAll(async () => {
    api = await startTestApp();
  });
  afterAll(() => api.close());

  it('should not be told to outlast its window', async () => {
    const database = api.app.get(Database);
    const rates = api.app.get(PostgresRates);
    const waiting = await database.transaction(async (client) => {
      await client.query('lock table rate_count in exclusive mode');
      const hit = rates.hit('waited-for', 60_000);
      const asked = `select 1 from pg_locks where relation = 'rate_count'::regclass and not granted`;
      while ((await client.query(asked)).rowCount === 0);
      // What a hit writes that began later and came first.
      await client.query(`insert into rate_count values ('waited-for', 1, clock_timestamp() + interval '60 seconds')`);
      return [hit];
    });
    const [hits] = await Promise.all(waiting);
    expect(hits?.count).toBe(2);
    expect(hits?.resetMs).toBeLessThanOrEqual(60_000);
  });
});

describe('failed authentications', () => {
  let api: TokenApp;
  let key: string;
  beforeAll(async () => {
    api = await startTokenApp({
      env: { RATE_LIMITS: 'on', RATE_LIMIT_FAILED_LOGINS: '20', TRUST_PROXY: '127.0.0.1' },
    });
    ({ key } = await api.makeKey(['read', 'write']));
  });
  afterAll(() => api.close());

  const from = (
    address: string,
    credential = `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`,
    at: TestApp = api,
  ) => at.send('GET /datasets', { key: credential, headers: { 'x-forwarded-for': address } });

  it('should block an address after twenty, look at no credentials of it then, and end the block in time', async () => {
    const answers = await burst(60, () => from('203.0.113.1'));
    expect(answers.filter(({ status }) => status === 401).length).toBe(20);
    expect(new Set(refused(answers).map(({ problem }) => problem.code))).toEqual(new Set(['address_blocked']));
    const good = await from('203.0.113.1', key);
    expect([good.status, good.problem.code]).toEqual([429, 'address_blocked']);
    expect((await from('203.0.113.2', key)).status).toBe(200);
    const replica = await startReplica(api, { AUTH_MODE: 'token', RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1' });
    // As if the window that Retry-After names were over. This process remembers it, so another one is asked.
    const { rowCount } = await api.app
      .get(Database)
      .pool.query(
        "update rate_count set ends_at = now() where key like '%203.0.113.1%' and ends_at <= now() + $1 * interval '1 s'",
        [Number(good.headers.get('retry-after'))],
      );
    expect([rowCount, (await from('203.0.113.1', key, replica)).status]).toEqual([1, 200]);
    await replica.close();
  });

  it('should share the count with other replicas', async () => {
    const replica = await startReplica(api, {
      AUTH_MODE: 'token',
      RATE_LIMITS: 'on',
      RATE_LIMIT_FAILED_LOGINS: '5',
      TRUST_PROXY: '127.0.0.1',
    });
    const wrong = { key: 'iak_wrong', headers: { 'x-forwarded-for': '203.0.113.3' } };
    await burst(10, () => api.send('GET /datasets', wrong));
    expect((await replica.send('GET /datasets', wrong)).status).toBe(429);
    await replica.close();
  });

  it('should count what a key may not do, and note nothing in the audit log that is beyond the limit', async () => {
    // Making the key is the first of ten writes.
    const reader = await api.makeKey(['read'], { tenant: OTHER_TENANT });
    const entries = async () =>
      (await api.send<AuditLogPage>('GET /audit-log?limit=1000', { key: api.operatorKey, tenant: OTHER_TENANT })).body
        .data.length;
    const before = await entries();
    const codes = (await burst(30, () => api.send('POST /jobs', { key: reader.key, body: {} }))).map(
      ({ problem }) => problem.code,
    );
    expect(codes.filter((code) => code === 'scope_missing').length).toBe(9);
    expect(codes.filter((code) => code === 'rate_limited').length).toBe(21);
    expect((await entries()) - before).toBe(9);
  });

  it('should mind nobody who shows no credentials', async () => {
    const send = () => api.send('GET /datasets', { tenant: null, headers: { 'x-forwarded-for': '203.0.113.4' } });
    expect(new Set((await burst(30, send)).map(({ status }) => status))).toEqual(new Set([401]));
  });

  it('should count requests of a worker’s key for no tenant', async () => {
    const fixture = await JobsFixture.create(api.as(key));
    await fixture.submit();
    const worker = await new HttpWorker(api.as(api.workerKey)).register();
    const job = await worker.claim();
    const report = () =>
      api.send(`PATCH /jobs/${job?.jobId}`, {
        key: api.workerKey,
        tenant: job?.tenantId,
        body: { attempt: 1, result: { progress: {} } },
      });
    expect(new Set((await burst(30, report)).map(({ status }) => status))).toEqual(new Set([200]));
  });
});
