import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InfluencerAIClient, InfluencerAIError, InvalidResponseError } from '../src/index.js';
import { sendJson, startServer, type TestServer } from './support/test-server.js';

type Call = (client: InfluencerAIClient) => PromiseLike<unknown>;

const worker = { id: 'w', host: 'h', pid: 1, version: '1', slots: 1, gpus: [], trainers: ['tiny' as const], held: [] };
const line = { seq: 0, stream: 'stdout' as const, text: 'hello', at: '2026-01-15T11:30:00.000Z' };
const SUBMISSION = { type: 'lora-training', payload: { datasetId: 'd', loraConfigId: 'l' } } as const;

const CALLS: [string, Call, unknown?][] = [
  [
    'POST /datasets',
    (c) => c.datasets.create({ kind: 'lora-training', path: 'data/a' }),
    { kind: 'lora-training', path: 'data/a' },
  ],
  ['GET /datasets?status=ready', (c) => c.datasets.list({ status: 'ready' })],
  ['GET /datasets/d', (c) => c.datasets.get('d')],
  ['PATCH /datasets/d', (c) => c.datasets.update('d', { name: 'Portraits' }), { name: 'Portraits' }],
  ['DELETE /datasets/d', (c) => c.datasets.delete('d')],
  ['PATCH /datasets/d/status', (c) => c.datasets.updateStatus('d', 'ready'), { status: 'ready' }],
  [
    'POST /lora-configs',
    (c) => c.loraConfigs.create({ name: 'n', modelName: 'sd15' }),
    { name: 'n', modelName: 'sd15' },
  ],
  ['GET /lora-configs?isDefault=true&take=5', (c) => c.loraConfigs.list({ isDefault: true, take: 5 })],
  ['GET /lora-configs/l', (c) => c.loraConfigs.get('l')],
  ['PATCH /lora-configs/l', (c) => c.loraConfigs.update('l', { epochs: 3 }), { epochs: 3 }],
  ['DELETE /lora-configs/l', (c) => c.loraConfigs.delete('l')],
  ['GET /config', (c) => c.trainingDefaults.get()],
  ['PATCH /config', (c) => c.trainingDefaults.update({ epochs: 5 }), { epochs: 5 }],
  ['GET /jobs?type=lora-training', (c) => c.jobs.list({ type: 'lora-training' })],
  ['GET /jobs/j', (c) => c.jobs.get('j')],
  ['PATCH /jobs/j', (c) => c.jobs.update('j', { status: 'running', attempt: 1 }), { status: 'running', attempt: 1 }],
  ['POST /jobs/preview', (c) => c.jobs.preview({ ...SUBMISSION, trainer: 'trl' }), { ...SUBMISSION, trainer: 'trl' }],
  ['POST /jobs/j/rerun', (c) => c.jobs.rerun('j', { priority: 5 }), { priority: 5 }],
  ['GET /jobs/j/manifest', (c) => c.jobs.manifest('j')],
  ['POST /jobs/j/query', (c) => c.jobs.query('j', { query: 'q', limit: 3 }), { query: 'q', limit: 3 }],
  ['POST /jobs/j/cancel', (c) => c.jobs.cancel('j')],
  ['GET /jobs/series?window=day', (c) => c.jobs.series({ window: 'day' })],
  ['GET /jobs/j/logs?after=1.2&limit=10', (c) => c.jobs.logs('j', { after: '1.2', limit: 10 })],
  ['POST /jobs/j/logs', (c) => c.jobs.appendLogs('j', { attempt: 1, lines: [line] }), { attempt: 1, lines: [line] }],
  ['GET /jobs/j/metrics?maxPoints=50', (c) => c.jobs.metrics('j', { maxPoints: 50 })],
  ['GET /jobs/j/artifacts?kind=state', (c) => c.jobs.artifacts('j', { kind: 'state' })],
  ['POST /workers', (c) => c.workers.register(worker), worker],
  ['POST /workers/w/claims', (c) => c.workers.claim('w', { trainers: ['tiny'] }), { trainers: ['tiny'] }],
  ['POST /workers/w/heartbeat', (c) => c.workers.heartbeat('w', { held: [] }), { held: [] }],
  ['GET /workers', (c) => c.workers.list()],
  ['GET /usage', (c) => c.usage.get()],
  ['POST /api-keys', (c) => c.apiKeys.create({ name: 'k' }), { name: 'k' }],
  ['GET /api-keys/k', (c) => c.apiKeys.get('k')],
  ['POST /api-keys/k/rotate', (c) => c.apiKeys.rotate('k', { overlapSeconds: 1 }), { overlapSeconds: 1 }],
  ['DELETE /api-keys/k', (c) => c.apiKeys.revoke('k')],
  ['POST /users', (c) => c.users.create({ id: 'u' }), { id: 'u' }],
  ['PATCH /users/u', (c) => c.users.update('u', { isDisabled: true }), { isDisabled: true }],
  ['DELETE /users/u', (c) => c.users.delete('u')],
  ['POST /tenants', (c) => c.tenants.create({ id: 't' }), { id: 't' }],
  ['PATCH /tenants/t', (c) => c.tenants.update('t', { name: 'T' }), { name: 'T' }],
  ['GET /audit-log/verification', (c) => c.auditLog.verify()],
];

describe('requests', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer(({ path }, response) => {
      if (path === '/jobs/empty/logs') return void response.writeHead(204).end();
      if (path === '/jobs/page') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      sendJson(response, 200, { id: 'x', data: [] }, { 'x-request-id': 'r-1' });
    });
  });

  afterAll(async () => server[Symbol.asyncDispose]());

  const last = () => server.received.at(-1);

  it.each(CALLS.map(([target, call, body]) => ({ target, call, body })))(
    'should send $target',
    async ({ target, call, body }) => {
      await call(server.client());
      const { method, path, query, headers, body: text } = last()!;
      const search = new URLSearchParams(query).toString();
      expect(`${method} ${path}${search && `?${search}`}`).toBe(target);
      expect(text ? JSON.parse(text) : undefined).toEqual(body);
      expect(headers['content-type']).toBe(body === undefined ? undefined : 'application/json');
      expect(headers['x-tenant-id']).toBe('tenant_demo');
    },
  );

  it('should let a call override tenant and headers', async () => {
    const client = server.client({ headers: { 'x-a': '1', 'x-b': '1' } });
    await client.jobs.get('j', { tenantId: 'other', headers: { 'x-b': '2' } });
    expect(last()?.headers).toMatchObject({ 'x-tenant-id': 'other', 'x-a': '1', 'x-b': '2' });
  });

  it('should send no tenant when none is given', async () => {
    await new InfluencerAIClient({ baseUrl: `${server.baseUrl}/` }).workers.list();
    expect(last()?.headers).not.toHaveProperty('x-tenant-id');
  });

  it('should give creations a fresh idempotency key, and use the one it is given', async () => {
    const client = server.client();
    const body = SUBMISSION;
    await client.jobs.create(body);
    const first = last()?.headers['idempotency-key'];
    await client.jobs.create(body);
    expect(first).toMatch(/^sdk-[0-9a-f]{32}$/);
    expect(last()?.headers['idempotency-key']).not.toBe(first);
    await client.jobs.create(body, { idempotencyKey: 'mine' });
    expect(last()?.headers['idempotency-key']).toBe('mine');
  });

  it('should give reruns an idempotency key, and previews none', async () => {
    await server.client().jobs.rerun('j');
    expect(last()?.headers['idempotency-key']).toMatch(/^sdk-/);
    await server.client().jobs.preview(SUBMISSION);
    expect(last()?.headers).not.toHaveProperty('idempotency-key');
  });

  it('should escape ids, and refuse those that would lead elsewhere', async () => {
    await server.client().jobs.get('a/../b?c');
    expect(last()?.path).toBe('/jobs/a%2F..%2Fb%3Fc');
    expect(() => server.client().jobs.get('')).toThrow(InfluencerAIError);
    expect(() => server.client().jobs.get('..')).toThrow(InfluencerAIError);
  });

  it('should hand out the response beside the data', async () => {
    const { data, response, requestId } = await server.client().jobs.get('j').withResponse();
    expect(data).toMatchObject({ id: 'x' });
    expect(response.status).toBe(200);
    expect(requestId).toBe('r-1');
  });

  it('should take 204 for an answer', async () => {
    await expect(server.client().jobs.appendLogs('empty', { attempt: 1, lines: [line] })).resolves.toBeUndefined();
  });

  it('should say so when the answer is not JSON', async () => {
    await expect(server.client().jobs.get('page')).rejects.toThrow(InvalidResponseError);
  });

  it('should refuse a base URL that is none', () => {
    expect(() => new InfluencerAIClient({ baseUrl: 'localhost' })).toThrow('absolute URL');
  });

  it('should use the fetch it is given', async () => {
    const urls: string[] = [];
    const client = server.client({ fetch: (url, init) => (urls.push(url), fetch(url, init)) });
    await client.jobs.get('j');
    expect(urls).toEqual([`${server.baseUrl}/jobs/j`]);
  });
});
