import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Adapter, Job, JobArtifact, Page, Usage } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { AdaptersFixture, type Training } from './adapters-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
let fixture: AdaptersFixture;
beforeAll(async () => {
  api = await startTestApp();
  fixture = new AdaptersFixture(api);
});
afterAll(() => api.close());

const list = async (query = '', tenant = TENANT) =>
  (await api.send<Page<Adapter>>(`GET /adapters${query}`, { tenant })).body;

const isThere = (path: string) =>
  access(join(api.dataRoot, path.slice('data/'.length))).then(
    () => true,
    () => false,
  );

describe('a job that completes', () => {
  it('should become an adapter that says what it is', async () => {
    const { job, artifacts } = await fixture.train({ name: 'first' });
    const weights = artifacts.find(({ kind }) => kind === 'lora');
    const { status, body } = await api.send<Adapter>('GET /adapters/first');
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.any(String),
      tenantId: TENANT,
      name: 'first',
      description: null,
      jobId: job.id,
      kind: 'text',
      baseModel: 'tiny-text',
      trainer: 'tiny',
      triggerWords: ['ohwx'],
      trainingConfig: expect.objectContaining({ epochs: 10, batchSize: 1, networkDim: 32, networkAlpha: 16 }),
      metrics: { finalLoss: 0.5, initialLoss: null, steps: 60, trainingTimeMinutes: 1.5 },
      fileName: 'first-final.safetensors',
      sizeBytes: weights?.sizeBytes,
      sha256: weights?.sha256,
      path: weights?.path,
      url: '/adapters/first/download',
      status: 'unloaded',
      statusReason: null,
      runtime: null,
      servedAs: `${TENANT}/first`,
      loadedAt: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
  });

  it('should become none before, nor when it ends in another way', async () => {
    const { job } = await fixture.train({ name: 'unfinished', isUnfinished: true });
    expect((await api.send('GET /adapters/unfinished')).status).toBe(404);
    await api.send(`PATCH /jobs/${job.id}`, { body: { status: 'failed', result: { error: 'broken' } } });
    expect((await api.send('GET /adapters/unfinished')).status).toBe(404);
  });

  it('should become none without final weights', async () => {
    const before = (await list()).total;
    const { job, artifacts } = await fixture.train({ name: 'weightless', isUnfinished: true });
    await api.app.get(Database).pool.query(`delete from job_artifact where job_id = $1 and kind = 'lora'`, [job.id]);
    expect(artifacts).toHaveLength(3);
    const ended = await api.send<Job>(`PATCH /jobs/${job.id}`, { body: { status: 'completed', result: {} } });
    expect([ended.status, ended.body.status, (await list()).total]).toEqual([200, 'completed', before]);
  });

  it('should get a number behind its name where that is taken, within its tenant', async () => {
    const names: string[] = [];
    for (const training of [{}, {}, {}, { tenant: OTHER_TENANT }])
      names.push((await fixture.adapter({ name: 'same', ...training })).name);
    expect(names).toEqual(['same', 'same-2', 'same-3', 'same']);
    await api.send('DELETE /adapters/same-2');
    expect((await fixture.adapter({ name: 'same' })).name).toBe('same-4');
    await api.send('DELETE /adapters/same');
    expect((await fixture.adapter({ name: 'same' })).name).toBe('same');
  });

  it('should get a name of its own when others end at the same time', async () => {
    const trainings = await Promise.all(
      Array.from({ length: 4 }, () => fixture.train({ name: 'crowd', isUnfinished: true })),
    );
    const ends = await Promise.all(
      trainings.map(({ job }) => api.send(`PATCH /jobs/${job.id}`, { body: { status: 'completed', result: {} } })),
    );
    expect(ends.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const names = (await list('?take=100')).data.map(({ name }) => name).filter((name) => name.startsWith('crowd'));
    expect(names.sort()).toEqual(['crowd', 'crowd-2', 'crowd-3', 'crowd-4']);
  });

  it('should not be kept from completing by a result that says something else', async () => {
    const result = { loraPath: 7, finalLoss: 'low', steps: [], trainingTimeMinutes: null };
    const { metrics } = await fixture.adapter({ name: 'odd', result });
    expect(metrics).toEqual({ finalLoss: null, initialLoss: null, steps: null, trainingTimeMinutes: null });
  });

  it('should be made an adapter by the migration when it completed before there were any', async () => {
    const { jobId, ...made } = await fixture.adapter({ name: 'early' });
    const { pool } = api.app.get(Database);
    await pool.query('delete from adapter where job_id = $1', [jobId]);
    await pool.query('select adapter_of_job(j) from job j where id = $1', [jobId]);
    const again = (await api.send<Adapter>('GET /adapters/early')).body;
    expect(again).toEqual({ ...made, jobId, ...changing(again) });
  });

  const changing = ({ id, createdAt, updatedAt }: Adapter) => ({ id, createdAt, updatedAt });
});

describe('GET /adapters', () => {
  const tenant = 'tenant_lists';
  beforeAll(async () => {
    const trainings: Training[] = [
      { name: 'b' },
      { name: 'a', modelName: 'Qwen/Qwen2.5-0.5B' },
      { name: 'c', modelName: 'Qwen/Qwen2.5-0.5B' },
    ];
    for (const training of trainings) await fixture.train({ ...training, tenant });
  });

  it.each([
    ['', ['c', 'a', 'b']],
    ['?take=1&skip=1', ['a']],
    ['?sortBy=name&sortOrder=asc', ['a', 'b', 'c']],
    ['?baseModel=Qwen/Qwen2.5-0.5B', ['c', 'a']],
    ['?status=loaded', []],
  ])('should list %s', async (query, names) => {
    expect((await list(query, tenant)).data.map(({ name }) => name)).toEqual(names);
  });

  it('should say how many there are', async () => {
    const { headers, body } = await api.send<Page<Adapter>>('GET /adapters?take=2', { tenant });
    expect([body.total, body.take, body.skip, headers.get('x-total-count')]).toEqual([3, 2, 0, '3']);
  });

  it.each(['take=0', 'status=gone', 'sortBy=size', 'unknown=1'])('should refuse %s', async (query) => {
    expect((await api.send(`GET /adapters?${query}`)).status).toBe(400);
  });
});

describe('PATCH /adapters/:name', () => {
  it('should describe it, and take the description back', async () => {
    await fixture.train({ name: 'described' });
    const patch = (description: unknown) => api.send<Adapter>('PATCH /adapters/described', { body: { description } });
    expect((await patch('For the shop.')).body.description).toBe('For the shop.');
    expect((await api.send<Adapter>('PATCH /adapters/described', { body: {} })).body.description).toBe('For the shop.');
    expect((await patch(null)).body.description).toBeNull();
  });

  it.each([{ description: 7 }, { description: 'x'.repeat(501) }, { description: '\u0000' }, { name: 'other' }])(
    'should refuse %j',
    async (body) => {
      await fixture.train({ name: 'steady' });
      const answer = await api.send('PATCH /adapters/steady', { body });
      expect([answer.status, answer.problem.code]).toEqual([400, 'validation_failed']);
    },
  );
});

describe('GET /adapters/:name/download', () => {
  beforeAll(() => fixture.train({ name: 'file', weights: 'the weights' }));

  it('should send the weights, or a range of them', async () => {
    const whole = await api.send('GET /adapters/file/download');
    expect([whole.status, whole.text]).toEqual([200, 'the weights']);
    expect(whole.headers.get('content-disposition')).toContain('filename="file-final.safetensors"');
    const part = await api.send('GET /adapters/file/download', { headers: { range: 'bytes=4-6' } });
    expect([part.status, part.text]).toEqual([206, 'wei']);
  });

  it('should lead to a link that needs no tenant', async () => {
    const answer = await fetch(`${api.url}/adapters/file/download?redirect=true`, {
      headers: { 'x-tenant-id': TENANT },
      redirect: 'manual',
    });
    expect(answer.status).toBe(302);
    const opened = await fetch(new URL(answer.headers.get('location') ?? '', api.url));
    expect(await opened.text()).toBe('the weights');
  });
});

describe('DELETE /adapters/:name', () => {
  it('should remove the weights and what belongs to them, and leave the rest of the job', async () => {
    const { job, artifacts } = await fixture.train({ name: 'gone', weights: 'x'.repeat(1000), tenant: 'tenant_gone' });
    const tenant = 'tenant_gone';
    const used = async () => (await api.send<Usage>('GET /usage', { tenant })).body.storage.usedBytes;
    const before = await used();
    expect(await api.send('DELETE /adapters/gone', { tenant })).toMatchObject({ status: 200, body: { success: true } });

    const kinds = new Map(artifacts.map(({ kind, path }) => [kind, path]));
    const left = await api.send<{ data: JobArtifact[] }>(`GET /jobs/${job.id}/artifacts`, { tenant });
    expect(left.body.data.map(({ kind }) => kind)).toEqual(['checkpoint']);
    expect(await isThere(kinds.get('lora')!)).toBe(false);
    expect(await isThere(kinds.get('file')!)).toBe(false);
    expect(await isThere(kinds.get('checkpoint')!)).toBe(true);
    expect(before - (await used())).toBe(1000 + '{"peft_type":"LORA","r":16}'.length);
    expect((await api.send('DELETE /adapters/gone', { tenant })).problem.code).toBe('adapter_not_found');
    expect((await api.send<Job>(`GET /jobs/${job.id}`, { tenant })).body.status).toBe('completed');
  });

  it('should finish a deletion that broke', async () => {
    const { id } = await fixture.adapter({ name: 'half' });
    await api.app.get(Database).pool.query(`update adapter set status = 'deleting' where id = $1`, [id]);
    expect((await api.send('POST /adapters/half/load')).problem.code).toBe('adapter_busy');
    expect((await api.send('DELETE /adapters/half')).status).toBe(200);
    expect((await api.send('GET /adapters/half')).status).toBe(404);
  });
});
