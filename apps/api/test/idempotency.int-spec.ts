import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AppError, type Dataset, type Job, type LoraConfig } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { DatasetInspector } from '../src/datasets/dataset-inspector.js';
import { newId } from '../src/http/new-id.js';
import { IdempotencyRepository } from '../src/idempotency/idempotency.repository.js';
import { IdempotencyService } from '../src/idempotency/idempotency.service.js';
import { requestHash } from '../src/idempotency/request-hash.js';
import { picture, writeFiles } from './dataset-files.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

const aBody = () => ({ name: `config ${newId()}`, modelName: 'sd15', meta: { longer: 1, b: 2 } });

const post = (key: string, body: unknown, tenant = TENANT) =>
  api.send<LoraConfig>('POST /lora-configs', { tenant, body, headers: { 'idempotency-key': key } });

const count = async (name: string): Promise<number> =>
  api.app.get(Database).prisma.loraConfig.count({ where: { name } });

describe('Idempotency-Key', () => {
  it('should answer a repetition with the same status and bytes, and create nothing', async () => {
    const body = aBody();
    const first = await post('k-1', body);
    const again = await post('k-1', body);
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null]);
    expect([again.status, again.headers.get('idempotent-replayed'), again.text]).toEqual([201, 'true', first.text]);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(await count(body.name)).toBe(1);
  });

  it('should not mind the order of keys in the body', async () => {
    const { name, modelName, meta } = aBody();
    const first = await post('k-2', { name, modelName, meta });
    expect((await post('k-2', { meta: { b: 2, longer: 1 }, modelName, name })).text).toBe(first.text);
  });

  it('should refuse another body under the same key', async () => {
    const body = aBody();
    await post('k-3', body);
    const { status, problem } = await post('k-3', { ...body, epochs: 11 });
    expect([status, problem.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('should keep tenants and routes apart', async () => {
    const body = aBody();
    const mine = await post('k-4', body);
    const theirs = await post('k-4', body, OTHER_TENANT);
    expect([theirs.status, theirs.headers.get('idempotent-replayed')]).toEqual([201, null]);
    expect(theirs.body.id).not.toBe(mine.body.id);
    const elsewhere = await api.send('POST /datasets', { body: {}, headers: { 'idempotency-key': 'k-4' } });
    expect(elsewhere.status).toBe(400);
  });

  it('should keep nothing of a request that failed', async () => {
    const body = aBody();
    expect((await post('k-5', { ...body, epochs: 0 })).status).toBe(400);
    expect((await post('k-5', body)).status).toBe(201);
  });

  it('should create one thing for 50 requests sent together', async () => {
    const body = aBody();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('k-6', body)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null).length).toBe(1);
    expect(await count(body.name)).toBe(1);
  });

  it('should inspect and register a dataset once', async () => {
    await mkdir(join(api.dataRoot, 'set'));
    await writeFiles(join(api.dataRoot, 'set'), { 'a.png': await picture(1) });
    const request = { body: { kind: 'lora-training', path: 'data/set' }, headers: { 'idempotency-key': 'k-7' } };
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.send<Dataset>('POST /datasets', request)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await api.send('GET /datasets')).headers.get('x-total-count')).toBe('1');
  });

  it.each(['', 'two words', 'x'.repeat(256), 'caf\u00e9'])(
    'should refuse the key %j and name the header',
    async (key) => {
      const { status, problem } = await post(key, aBody());
      expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['idempotency-key']]);
    },
  );

  it('should take a key of 255 characters', async () => {
    expect((await post('x'.repeat(255), aBody())).status).toBe(201);
  });

  it('should ask for the tenant first', async () => {
    const { status } = await api.send('POST /lora-configs', {
      tenant: null,
      body: aBody(),
      headers: { 'idempotency-key': '' },
    });
    expect(status).toBe(401);
  });

  it('should refuse a body that is nested too deeply to compare', async () => {
    const { status, problem } = await post('k-8', `{"meta":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect([status, problem.code]).toEqual([400, 'validation_failed']);
  });
});

describe('Idempotency-Key after a crash', () => {
  const TENANT_OF_CRASHES = 'tenant_crashes';
  let fixture: JobsFixture;
  let source: Job;
  beforeAll(async () => {
    fixture = await JobsFixture.create(api, TENANT_OF_CRASHES);
    source = await fixture.submit();
  });

  /** Leaves the key as an API does that dies when its row is committed and its answer is not kept. */
  const crash = (key: string) =>
    api.app
      .get(Database)
      .pool.query(
        "update idempotency_key set status = null, body = null, created_at = now() - interval '1 hour' where key = $1",
        [key],
      );

  const ROUTES: [string, string, () => [path: string, body: unknown]][] = [
    ['a dataset', 'dataset', () => ['/datasets', { kind: 'lora-training', path: fixture.dataset.path }]],
    ['a configuration', 'lora_config', () => ['/lora-configs', aBody()]],
    ['a job', 'job', () => ['/jobs', fixture.submission]],
    ['a rerun', 'job', () => [`/jobs/${source.id}/rerun`, {}]],
  ];

  const countOf = async (table: string): Promise<number> => {
    const { rows } = await api.app
      .get(Database)
      .pool.query<{ count: number }>(`select count(*) from ${table} where tenant_id = $1`, [TENANT_OF_CRASHES]);
    return rows[0]?.count ?? 0;
  };

  it.each(ROUTES)('should answer with %s that was committed, and create no other', async (what, table, request) => {
    const [path, body] = request();
    const key = `crash ${what}`.replaceAll(' ', '-');
    const send = () =>
      api.send<{ id: string }>(`POST ${path}`, {
        tenant: TENANT_OF_CRASHES,
        body,
        headers: { 'idempotency-key': key },
      });
    const before = await countOf(table);
    const first = await send();
    await crash(key);
    const again = await send();
    const replayed = await send();
    expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(replayed.text).toBe(again.text);
    expect(await countOf(table)).toBe(before + 1);
  });

  it('should create what the dead request did not get to', async () => {
    const keys = api.app.get(IdempotencyRepository);
    const body = aBody();
    const scope = { tenantId: TENANT_OF_CRASHES, route: 'POST /lora-configs', key: 'crash-early' };
    await keys.reserve(scope, { requestHash: requestHash(body), id: newId(), ttlMs: 86_400_000, abandonedMs: 60_000 });
    await crash(scope.key);
    const { status, headers } = await post(scope.key, body, TENANT_OF_CRASHES);
    expect([status, headers.get('idempotent-replayed')]).toEqual([201, null]);
  });

  it('should refuse another body as it does after an answer', async () => {
    await post('crash-other', aBody(), TENANT_OF_CRASHES);
    await crash('crash-other');
    const { status, problem } = await post('crash-other', aBody(), TENANT_OF_CRASHES);
    expect([status, problem.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('should answer with what a failing request has committed', async () => {
    const body = { kind: 'lora-training', path: fixture.dataset.path };
    const inspect = jest.spyOn(api.app.get(DatasetInspector), 'inspect');
    inspect.mockRejectedValueOnce(new AppError('service_unavailable'));
    const before = await countOf('dataset');
    const { status } = await api.send('POST /datasets', {
      tenant: TENANT_OF_CRASHES,
      body,
      headers: { 'idempotency-key': 'shut-down' },
    });
    expect([status, await countOf('dataset')]).toEqual([201, before + 1]);
  });
});

describe(IdempotencyService.name, () => {
  const scope = (key: string) => ({ tenantId: TENANT, route: 'POST /things', key });
  const hash = requestHash({ a: 1 });
  const attempt = () => ({ requestHash: hash, id: newId(), ttlMs: 86_400_000, abandonedMs: 60_000 });
  const age = (key: string, interval: string) =>
    api.app
      .get(Database)
      .pool.query('update idempotency_key set created_at = now() - $1::interval where key = $2 returning created_at', [
        interval,
        key,
      ]);

  it('should say that the first request still runs when patience ends', async () => {
    const service = api.app.get(IdempotencyService);
    await service.take(scope('s-1'), hash);
    await expect(service.take(scope('s-1'), hash, 30)).rejects.toMatchObject({
      code: 'idempotency_key_in_use',
      status: 409,
    });
  });

  it('should take the place of a first request that fails meanwhile', async () => {
    const service = api.app.get(IdempotencyService);
    const first = await service.take(scope('s-2'), hash);
    const second = service.take(scope('s-2'), hash);
    if ('reservation' in first) await service.abandon(first.reservation);
    expect(await second).toHaveProperty('reservation');
  });

  it('should take over the key of a request that died, and keep its late answer out', async () => {
    const keys = api.app.get(IdempotencyRepository);
    await keys.reserve(scope('s-3'), attempt());
    const { rows } = await age('s-3', '11 minutes');
    const dead = { scope: scope('s-3'), id: newId(), token: (rows[0]?.created_at as Date).toISOString() };
    expect(await keys.reserve(scope('s-3'), attempt())).toBeDefined();
    await keys.complete(dead, 201, { late: true });
    expect(await keys.find(scope('s-3'))).toMatchObject({ status: null });
  });

  it('should forget an answer after a day', async () => {
    const service = api.app.get(IdempotencyService);
    const first = await service.take(scope('s-4'), hash);
    if ('reservation' in first) await service.complete(first.reservation, 201, { id: 1 });
    expect(await service.take(scope('s-4'), hash)).toEqual({ replay: { status: 201, body: { id: 1 } } });
    await age('s-4', '25 hours');
    expect(await service.take(scope('s-4'), requestHash({ b: 2 }))).toHaveProperty('reservation');
  });

  it('should purge what is older than a day and nothing else', async () => {
    const service = api.app.get(IdempotencyService);
    const keys = api.app.get(IdempotencyRepository);
    await Promise.all(['s-5', 's-6'].map((key) => keys.reserve(scope(key), attempt())));
    await age('s-5', '25 hours');
    await service.purge();
    expect([await keys.find(scope('s-5')), (await keys.find(scope('s-6')))?.status]).toEqual([undefined, null]);
  });
});
