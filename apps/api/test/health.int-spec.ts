import { mkdir, rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { LoraConfig } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { QueueHealth } from '../src/health/queue-health.js';
import { Storage } from '../src/storage/storage.js';
import { startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());
afterEach(() => void jest.restoreAllMocks());

describe('GET /health', () => {
  it('should say that the process lives, without a tenant', async () => {
    const { status, body, headers } = await api.send('GET /health/live', { tenant: null });
    expect([status, body, headers.get('cache-control')]).toEqual([200, { status: 'ok' }, 'no-store']);
  });

  it.each(['/health', '/health/ready'])('should say at %s that database, queue and storage answer', async (path) => {
    const { status, body } = await api.send(`GET ${path}`, { tenant: null });
    expect([status, body]).toEqual([200, { status: 'ok', checks: { database: 'ok', queue: 'ok', storage: 'ok' } }]);
  });

  it('should name the storage when its folder is gone', async () => {
    await rm(api.dataRoot, { recursive: true });
    const { status, problem, headers } = await api.send('GET /health/ready', { tenant: null });
    await mkdir(api.dataRoot);
    expect([status, problem.code, problem.message]).toEqual([
      503,
      'service_not_ready',
      'Not ready: storage. The log says why.',
    ]);
    expect(headers.get('retry-after')).toBe('1');
  });

  it('should name the queue when its canary is silent', async () => {
    jest.spyOn(api.app.get(QueueHealth), 'isAlive').mockReturnValue(false);
    const { status, problem } = await api.send('GET /health', { tenant: null });
    expect([status, problem.message]).toEqual([503, 'Not ready: queue. The log says why.']);
  });

  it('should name everything that fails, and live on', async () => {
    jest.spyOn(api.app.get(Database), 'query').mockRejectedValue(new Error('connection refused by 10.0.0.1'));
    jest.spyOn(api.app.get(Storage), 'check').mockRejectedValue(new Error('/secret/path'));
    const { status, text, problem } = await api.send('GET /health/ready', { tenant: null });
    expect([status, problem.message]).toEqual([503, 'Not ready: database, storage. The log says why.']);
    expect(text).not.toMatch(/secret|10\.0\.0\.1/);
    expect((await api.send('GET /health/live', { tenant: null })).status).toBe(200);
  });
});

describe('GET /metrics', () => {
  const metrics = () => api.send('GET /metrics', { tenant: null });

  /** The value of a series, by its name and labels as they are printed. */
  const valueOf = (text: string, series: string): number | undefined => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };

  it('should answer in the text format of Prometheus', async () => {
    const { status, headers, text } = await metrics();
    expect([status, headers.get('content-type')?.split(';', 1)[0]]).toEqual([200, 'text/plain']);
    expect(text).toContain('# TYPE http_request_duration_seconds histogram');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('should count jobs by status and workers that report', async () => {
    const { prisma } = api.app.get(Database);
    await api.send('GET /datasets');
    const dataset = await prisma.dataset.create({ data: { tenantId: TENANT, kind: 'lora-training', path: 'data/x' } });
    const job = {
      tenantId: TENANT,
      type: 'lora-training',
      trainer: 'tiny',
      payload: {},
      spec: {},
      datasetId: dataset.id,
      loraConfigId: newId(),
    };
    for (const status of ['running', 'running', 'failed'] as const)
      await prisma.job.create({ data: { ...job, status, outputDir: newId() } });
    const worker = { host: 'h', pid: 1, version: '1', slots: 1, gpus: [], trainers: ['tiny'] };
    await prisma.worker.create({ data: { ...worker, id: newId(), heartbeatAt: new Date() } });
    await prisma.worker.create({ data: { ...worker, id: newId(), heartbeatAt: new Date(0) } });
    const { text } = await metrics();
    expect(valueOf(text, 'influencerai_jobs{status="running"}')).toBe(2);
    expect(valueOf(text, 'influencerai_jobs{status="failed"}')).toBe(1);
    expect(valueOf(text, 'influencerai_jobs{status="queued"}')).toBe(0);
    expect(valueOf(text, 'influencerai_workers_online')).toBe(1);
  });

  it('should time requests by route, never by id or tenant', async () => {
    const config = await api.send<LoraConfig>('POST /lora-configs', { body: { name: 'timed', modelName: 'sd15' } });
    await api.send(`GET /lora-configs/${config.body.id}`);
    await api.send('GET /lora-configs/unknown');
    await api.send('GET /no/such/route');
    const { text } = await metrics();
    const count = (method: string, route: string, status: number) =>
      valueOf(text, `http_request_duration_seconds_count{method="${method}",route="${route}",status_code="${status}"}`);
    expect([
      count('POST', '/lora-configs', 201),
      count('GET', '/lora-configs/:id', 200),
      count('GET', '/lora-configs/:id', 404),
    ]).toEqual([1, 1, 1]);
    expect(text).not.toContain(config.body.id);
    expect(text).not.toContain(TENANT);
    expect(text).not.toContain('/no/such/route');
  });

  it('should answer with the figures of the process while the database is away', async () => {
    jest.spyOn(api.app.get(Database), 'query').mockRejectedValue(new Error('away'));
    const { status, text } = await metrics();
    expect([status, valueOf(text, 'influencerai_database_up')]).toEqual([200, 0]);
    expect(text).toContain('process_cpu_seconds_total');
  });
});
