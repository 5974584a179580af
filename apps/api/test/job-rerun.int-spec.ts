import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Job, type JobManifest, JobManifestSchema, type LoraConfig } from '@influencerai/shared';
import { specDigest } from '@influencerai/trainers';
import { Database } from '../src/database/database.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, type TestApp } from './test-app.js';

const UNKNOWN = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

let tenants = 0;
let fixture: JobsFixture;
beforeEach(async () => {
  fixture = await JobsFixture.create(api, `tenant_${(tenants += 1)}`, { meta: { seed: 7, samplePrompts: ['a'] } });
});

const rerun = (id: string, body?: unknown, headers?: Record<string, string>, tenant: string | null = fixture.tenant) =>
  api.send<Job>(`POST /jobs/${id}/rerun`, { tenant, body, headers });
const manifest = (id: string, tenant: string | null = fixture.tenant) =>
  api.send<JobManifest>(`GET /jobs/${id}/manifest`, { tenant });
const specOf = async (id: string) => (await manifest(id)).body.spec;

describe('GET /jobs/:id/manifest', () => {
  it('should hold what was frozen when the job was submitted', async () => {
    const job = await fixture.submit();
    const { status, headers, body } = await manifest(job.id);
    expect(status).toBe(200);
    expect(headers.get('content-disposition')).toContain('filename="manifest.json"');
    expect(JobManifestSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      version: 1,
      jobId: job.id,
      tenantId: fixture.tenant,
      payload: fixture.submission.payload,
      rerunOf: null,
      seed: 7,
      dataset: { id: fixture.dataset.id, digest: fixture.dataset.stats?.digest, examples: 1 },
      trainer: { id: 'tiny', requested: 'tiny', version: null },
      attempts: 0,
      result: null,
    });
    expect(body.specDigest).toBe(specDigest(body.spec));
  });

  it('should tell what came of it', async () => {
    const { id } = await fixture.submit();
    await fixture.patch(id, { status: 'running' });
    await fixture.patch(id, { result: { progress: { currentStep: 1 } } });
    expect((await manifest(id)).body).toMatchObject({ status: 'running', attempts: 1, result: null });
    await fixture.patch(id, { status: 'completed', result: { finalLoss: 0.5, trainerVersion: 'abc123' } });
    expect((await manifest(id)).body).toMatchObject({
      status: 'completed',
      trainer: { version: 'abc123' },
      result: { finalLoss: 0.5 },
    });
  });

  it('should be the tenant’s alone', async () => {
    const { id } = await fixture.submit();
    const foreign = await manifest(id, OTHER_TENANT);
    const unknown = await manifest(UNKNOWN, OTHER_TENANT);
    expect([foreign.status, unknown.status, (await manifest(id, null)).status]).toEqual([404, 404, 401]);
    expect(foreign.text.replaceAll(id, UNKNOWN)).toBe(unknown.text);
  });
});

describe('POST /jobs/:id/rerun', () => {
  it('should submit the same spec in a folder of its own', async () => {
    const source = await fixture.submit();
    const { status, body } = await rerun(source.id, { priority: 3 });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      status: 'pending',
      rerunOf: source.id,
      payload: source.payload,
      priority: 3,
      attempt: 0,
      result: null,
    });
    const [old, repeated] = [await specOf(source.id), await specOf(body.id)];
    expect(repeated).toEqual({ ...old, output: { ...old.output, dir: `${old.output.dir}/${body.id}` } });
    expect((await manifest(body.id)).body).toMatchObject({ rerunOf: source.id, specDigest: specDigest(old) });
    expect((await fixture.get(body.id)).rerunOf).toBe(source.id);
    expect(source.rerunOf).toBeNull();
  });

  it('should put a rerun of a rerun beside it', async () => {
    const source = await fixture.submit();
    const first = (await rerun(source.id)).body;
    const second = (await rerun(first.id)).body;
    const { dir } = (await specOf(source.id)).output;
    expect((await specOf(second.id)).output.dir).toBe(`${dir}/${second.id}`);
    expect(second.rerunOf).toBe(first.id);
  });

  it('should not care what became of the configuration', async () => {
    const source = await fixture.submit();
    const before = await specOf(source.id);
    const config = `/lora-configs/${fixture.config.id}`;
    await api.send<LoraConfig>(`PATCH ${config}`, { tenant: fixture.tenant, body: { epochs: 99, networkDim: 2 } });
    const edited = await rerun(source.id);
    await Promise.all(
      [source.id, edited.body.id].map((id) => api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant })),
    );
    expect((await api.send(`DELETE ${config}`, { tenant: fixture.tenant })).status).toBe(200);
    const deleted = await rerun(source.id);
    expect([edited.status, deleted.status]).toEqual([201, 201]);
    for (const { body } of [edited, deleted]) {
      const spec = await specOf(body.id);
      expect({ ...spec, output: before.output }).toEqual(before);
    }
  });

  it('should repeat jobs in any state, and be claimed with the frozen spec', async () => {
    const states = ['completed', 'failed', 'cancelled'] as const;
    for (const state of states) {
      const { id } = await fixture.submit();
      await fixture.patch(id, { status: 'running' });
      await fixture.patch(id, { status: state });
      const { status, body } = await rerun(id);
      expect([state, status]).toEqual([state, 201]);
      await api.send(`POST /jobs/${body.id}/cancel`, { tenant: fixture.tenant });
    }
    const running = await fixture.submit();
    await fixture.patch(running.id, { status: 'running' });
    const { body } = await rerun(running.id, { priority: 100 });
    const worker = await new HttpWorker(api).register();
    for (let job = await worker.claim(); job; job = await worker.claim()) {
      if (job.jobId === body.id) return expect(job.spec).toEqual(await specOf(body.id));
    }
    throw new Error('The rerun was never claimed.');
  });

  it('should refuse when the files have changed since', async () => {
    const { id } = await fixture.submit();
    const was = fixture.dataset.stats?.digest ?? '';
    await writeFile(join(api.dataRoot, 'datasets', fixture.tenant, 'a.txt'), 'a blue square');
    const { status, problem } = await rerun(id);
    expect([status, problem.code]).toEqual([409, 'dataset_changed']);
    expect(problem.message).toMatch(new RegExp(`was ${was} and is (?!${was})[0-9a-f]{64} now`));
    await writeFile(join(api.dataRoot, 'datasets', fixture.tenant, 'a.txt'), 'a red square');
    expect((await rerun(id)).status).toBe(201);
  });

  it('should refuse when the dataset was measured anew and differs', async () => {
    const { id } = await fixture.submit();
    await api.app
      .get(Database)
      .pool.query(`update dataset set stats = jsonb_set(stats, '{digest}', '"other"') where id = $1`, [
        fixture.dataset.id,
      ]);
    const { status, problem } = await rerun(id);
    expect([status, problem.code]).toEqual([409, 'dataset_changed']);
    expect(problem.message).toContain(`was ${fixture.dataset.stats?.digest} and is other now`);
  });

  it('should refuse when the files are gone or the dataset is not ready', async () => {
    const { id } = await fixture.submit();
    await rm(join(api.dataRoot, 'datasets', fixture.tenant), { recursive: true });
    expect(await rerun(id)).toMatchObject({
      status: 409,
      problem: { code: 'dataset_changed', message: expect.stringContaining('is gone') },
    });
    await api.send(`PATCH /datasets/${fixture.dataset.id}/status`, {
      tenant: fixture.tenant,
      body: { status: 'failed' },
    });
    expect(await rerun(id)).toMatchObject({ status: 409, problem: { code: 'dataset_not_ready' } });
  });

  it('should be the tenant’s alone, and leave nothing behind when refused', async () => {
    const { id } = await fixture.submit();
    const foreign = await rerun(id, {}, {}, OTHER_TENANT);
    const unknown = await rerun(UNKNOWN, {}, {}, OTHER_TENANT);
    expect([foreign.status, unknown.status, (await rerun(id, {}, {}, null)).status]).toEqual([404, 404, 401]);
    expect(foreign.text.replaceAll(id, UNKNOWN)).toBe(unknown.text);
    const { rows } = await api.app.get(Database).pool.query('select id from job where rerun_of = $1', [id]);
    expect(rows).toEqual([]);
  });

  it.each([
    [{ priority: 101 }, 'priority'],
    [{ seed: 3 }, 'seed'],
  ])('should refuse %j and name the field', async (body, field) => {
    const { id } = await fixture.submit();
    const { status, problem } = await rerun(id, body);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('should queue beyond the tenant’s limit', async () => {
    const { id } = await fixture.submit();
    const reruns = await Promise.all(Array.from({ length: 6 }, () => rerun(id)));
    expect(reruns.map(({ body }) => body.status).sort()).toEqual([
      ...Array<string>(4).fill('pending'),
      ...Array<string>(2).fill('queued'),
    ]);
    expect(new Set(await Promise.all(reruns.map(async ({ body }) => (await specOf(body.id)).output.dir))).size).toBe(6);
  });

  it('should create one job for two posts with one Idempotency-Key, for each source', async () => {
    const [a, b] = [await fixture.submit(), await fixture.submit()];
    const key = { 'idempotency-key': 'again' };
    const answers = await Promise.all([rerun(a.id, {}, key), rerun(a.id, {}, key)]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await rerun(b.id, {}, key)).body.rerunOf).toBe(b.id);
  });
});
