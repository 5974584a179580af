import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dataset, LoraConfig } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { IdempotencyRepository } from '../src/idempotency/idempotency.repository.js';
import { IdempotencyService } from '../src/idempotency/idempotency.service.js';
import { requestHash } from '../src/idempotency/request-hash.js';
import { picture, writeFiles } from './dataset-files.js';
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

describe(IdempotencyService.name, () => {
  const scope = (key: string) => ({ tenantId: TENANT, route: 'POST /things', key });
  const limits = { ttlMs: 86_400_000, abandonedMs: 600_000 };
  const hash = requestHash({ a: 1 });
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
    await keys.reserve(scope('s-3'), hash, limits);
    const { rows } = await age('s-3', '11 minutes');
    const dead = { scope: scope('s-3'), token: (rows[0]?.created_at as Date).toISOString() };
    expect(await keys.reserve(scope('s-3'), hash, limits)).toBeDefined();
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
    await Promise.all(['s-5', 's-6'].map((key) => keys.reserve(scope(key), hash, limits)));
    await age('s-5', '25 hours');
    await service.purge();
    expect([await keys.find(scope('s-5')), (await keys.find(scope('s-6')))?.status]).toEqual([undefined, null]);
  });
});
