import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dataset, type JobPreview, JobPreviewSchema, type LoraConfig } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { picture, writeFiles } from './dataset-files.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, type TestApp } from './test-app.js';

const UNKNOWN = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';

const MODELS = `
models:
  house-sdxl: { trainer: kohya, family: sdxl, model: secret-folder/base.safetensors }
  half-flux: { trainer: kohya, family: flux, model: secret-folder/flux.safetensors }
`;

describe('POST /jobs/preview', () => {
  let api: TestApp;
  let fixture: JobsFixture;
  let models: string;
  beforeAll(async () => {
    models = await mkdtemp(join(tmpdir(), 'models-test-'));
    await writeFile(join(models, 'models.yaml'), MODELS);
    api = await startTestApp({ env: { MODELS_FILE: join(models, 'models.yaml') } });
    fixture = await JobsFixture.create(api, 'tenant_demo', {
      epochs: 3,
      batchSize: 2,
      meta: { optimizer: 'Lion', seed: 7 },
      outputPath: 'data/loras/mine',
    });
  });
  afterAll(async () => {
    await api.close();
    await rm(models, { recursive: true });
  });

  const preview = (extra: Record<string, unknown> = {}, from: JobsFixture = fixture) =>
    api.send<JobPreview>('POST /jobs/preview', { tenant: from.tenant, body: { ...from.submission, ...extra } });

  const withModel = async (modelName: string, extra: Record<string, unknown> = {}, meta: LoraConfig['meta'] = {}) => {
    const config = await api.send<LoraConfig>('POST /lora-configs', {
      body: { name: `${modelName} ${Math.random()}`, modelName, meta },
    });
    return preview({ payload: { datasetId: fixture.dataset.id, loraConfigId: config.body.id }, ...extra });
  };

  /** Every file below the data folder and the rows of each table that a submission touches. */
  const traces = async () => ({
    files: (await readdir(api.dataRoot, { recursive: true })).sort(),
    rows: (
      await api.app.get(Database).pool.query(
        `select (select count(*) from job) as jobs, (select count(*) from job_event) as events,
          (select count(*) from idempotency_key) as keys, (select max(updated_at) from dataset) as dataset`,
      )
    ).rows,
  });

  it('should show what a job would run', async () => {
    const { status, body } = await preview();
    expect(status).toBe(200);
    expect(JobPreviewSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      trainer: 'tiny',
      requestedTrainer: 'tiny',
      model: null,
      epochs: 3,
      steps: { perEpoch: 1, total: 3 },
      seed: 7,
      command: ['tiny', '--config', '/workspace/config.json'],
      dataset: { examples: 1, isSample: false },
      notes: [],
      spec: { output: { dir: 'data/loras/mine', name: 'mine' }, dataset: { digest: fixture.dataset.stats?.digest } },
    });
    const [file] = body.files.data;
    expect(file).toMatchObject({ path: 'config.json', isTruncated: false });
    expect(JSON.parse(file?.content ?? '')).toMatchObject({
      dataset: { images: [{ path: 'data/datasets/tenant_demo/a.png', caption: 'a red square' }] },
      training: { seed: 7, epochs: 3 },
    });
  });

  it('should say of each field what becomes of it', async () => {
    const { mapping, summary } = (await preview()).body;
    expect(mapping.find(({ field }) => field === 'training.optimizer')).toEqual({
      field: 'training.optimizer',
      how: 'approximated',
      to: 'training.optimizer=AdamW',
      reason: 'tiny has AdamW only.',
    });
    expect(summary.exact + summary.approximated + summary.dropped).toBe(mapping.length);
    expect(summary.dropped).toBe(mapping.filter(({ how }) => how === 'dropped').length);
  });

  it('should agree with the job that is submitted then', async () => {
    const { spec } = (await preview()).body;
    const job = await fixture.submit();
    const manifest = await api.send<{ spec: unknown }>(`GET /jobs/${job.id}/manifest`);
    expect(manifest.body.spec).toEqual(spec);
    await api.send(`POST /jobs/${job.id}/cancel`);
  });

  it('should leave nothing behind', async () => {
    const before = await traces();
    await Promise.all([preview(), preview(), withModel('house-sdxl'), preview({ trainer: 'trl' })]);
    expect(await traces()).toEqual(before);
  });

  it.each(['kohya', 'ai-toolkit', 'tiny'])('should plan a public model for %s', async (trainer) => {
    const { status, body, text } = await withModel('stabilityai/stable-diffusion-xl-base-1.0', { trainer });
    expect([status, status === 200 ? body.trainer : text]).toEqual([200, trainer]);
    expect(body.requestedTrainer).toBe('kohya');
    expect(body.mapping.length).toBeGreaterThan(10);
  });

  it("should show neither the host's folders nor the operator's", async () => {
    const { status, text, body } = await withModel('House-SDXL');
    expect(status).toBe(200);
    expect(body.model).toEqual({ trainer: 'kohya', settings: { family: 'sdxl', model: '<models>/base.safetensors' } });
    expect(body.files.data.some(({ content }) => content.includes('<models>/base.safetensors'))).toBe(true);
    for (const secret of [api.dataRoot, models, 'secret-folder', 'influencerai-models'])
      expect(text).not.toContain(secret);
    expect(body.links.data[0]?.target).toBe('data/datasets/tenant_demo/a.png');
  });

  it('should plan for the host that is asked about', async () => {
    const [cuda, cpu] = [await withModel('house-sdxl'), await withModel('house-sdxl', { host: { device: 'cpu' } })];
    expect([cuda.status, cpu.status]).toEqual([200, 200]);
    expect(cuda.body.files.data).not.toEqual(cpu.body.files.data);
  });

  it.each([
    ['a trainer that learns from other things', 'tiny-image', { trainer: 'trl' }, 'spec_unsupported', 'trainer'],
    ['a model that nobody set up', 'dreamshaper', {}, 'model_unavailable', 'payload.loraConfigId'],
    ['a model that lacks files', 'half-flux', {}, 'model_unavailable', 'payload.loraConfigId'],
  ])('should refuse %s with 422 and name the field', async (_, model, extra, code, field) => {
    const { status, problem, text } = await withModel(model, extra);
    expect([status, problem.code, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([422, code, [field]]);
    expect(text).not.toContain('secret-folder');
  });

  it.each([
    [{ trainer: 'cook' }, ['trainer']],
    [{ host: { device: 'tpu' } }, ['host.device']],
    [{ host: { device: 'cpu', gpus: 2 } }, ['host.gpus']],
    [{ host: { device: 'cuda', gpus: 0 } }, ['host.gpus']],
    [{ host: { colour: 'red' } }, ['host.colour']],
    [{ colour: 'red' }, ['colour']],
    [{ payload: { datasetId: 1 } }, ['payload.datasetId', 'payload.loraConfigId']],
  ])('should refuse %j and name the fields', async (extra, fields) => {
    const { status, problem } = await preview(extra);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {}).sort()]).toEqual([400, fields]);
  });

  it('should ask for the tenant', async () => {
    expect((await api.send('POST /jobs/preview', { tenant: null, body: fixture.submission })).status).toBe(401);
  });

  it('should answer as one: another tenant’s dataset and configuration, and none', async () => {
    const other = await JobsFixture.create(api, OTHER_TENANT);
    for (const key of ['datasetId', 'loraConfigId'] as const) {
      const payload = (id: string) => ({ payload: { ...fixture.submission.payload, [key]: id } });
      const foreign = await preview(payload(other.submission.payload[key]));
      const unknown = await preview(payload(UNKNOWN));
      expect([foreign.status, unknown.status]).toEqual([404, 404]);
      expect(foreign.text.replaceAll(other.submission.payload[key], UNKNOWN)).toBe(unknown.text);
    }
  });

  it('should refuse a dataset that is not ready, as a submission does', async () => {
    const waiting = await JobsFixture.create(api, 'tenant_waiting');
    await api.send(`PATCH /datasets/${waiting.dataset.id}/status`, {
      tenant: waiting.tenant,
      body: { status: 'failed' },
    });
    expect(await preview({}, waiting)).toMatchObject({ status: 409, problem: { code: 'dataset_not_ready' } });
  });

  it('should refuse a dataset whose files are gone, as a worker does', async () => {
    const gone = await JobsFixture.create(api, 'tenant_gone');
    await rm(join(api.dataRoot, 'datasets/tenant_gone'), { recursive: true });
    expect(await preview({}, gone)).toMatchObject({ status: 422, problem: { code: 'dataset_unreadable' } });
  });

  it('should cut long files and say how long they are', async () => {
    const long = await JobsFixture.create(api, 'tenant_long');
    await writeFile(join(api.dataRoot, 'datasets/tenant_long/a.txt'), '\u00e9'.repeat(60_000));
    const [file] = (await preview({}, long)).body.files.data;
    expect(file?.isTruncated).toBe(true);
    expect(Buffer.byteLength(file?.content ?? '')).toBeLessThanOrEqual(65_536);
    expect(file?.content).not.toContain('\ufffd');
    expect(file?.sizeBytes).toBeGreaterThan(120_000);
  });

  it('should count pictures of several sizes as they were measured', async () => {
    const sizes = await JobsFixture.create(api, 'tenant_sizes');
    await mkdir(join(api.dataRoot, 'datasets/sizes'), { recursive: true });
    await writeFiles(join(api.dataRoot, 'datasets/sizes'), {
      'a.png': await picture(1, { width: 640, height: 512 }),
      'b.png': await picture(2, { width: 512, height: 640 }),
      'c.png': await picture(3, { width: 640, height: 512 }),
    });
    const dataset = await api.send<Dataset>('POST /datasets', {
      tenant: sizes.tenant,
      body: { kind: 'lora-training', path: 'data/datasets/sizes' },
    });
    const payload = { ...sizes.submission.payload, datasetId: dataset.body.id };
    // Two buckets, of two pictures and of one: four to a batch would be one step, but batches do not mix buckets.
    await api.send(`PATCH /lora-configs/${sizes.config.id}`, {
      tenant: sizes.tenant,
      body: { modelName: 'house-sdxl', batchSize: 4, resolution: 512, epochs: 1 },
    });
    expect((await preview({ payload }, sizes)).body.steps).toEqual({ perEpoch: 2, total: 2 });
  });

  it('should plan for the pictures of subfolders, as they were inspected', async () => {
    await writeFiles(join(api.dataRoot, 'datasets/nested'), {
      'a.png': await picture(10),
      'sub/a.png': await picture(20),
      'sub/a.txt': 'a blue square',
    });
    const dataset = await api.send<Dataset>('POST /datasets', {
      body: { kind: 'lora-training', path: 'data/datasets/nested', meta: { triggerWord: 'ohwx' } },
    });
    const payload = { datasetId: dataset.body.id, loraConfigId: fixture.config.id };
    const { body } = await preview({ payload, trainer: 'tiny' });
    expect(dataset.body.stats).toMatchObject({ images: 2, captions: 1 });
    expect(body.dataset.examples).toBe(2);
    expect(JSON.parse(body.files.data[0]?.content ?? '')).toMatchObject({
      dataset: {
        images: [
          { path: 'data/datasets/nested/a.png', caption: 'ohwx' },
          { path: 'data/datasets/nested/sub/a.png', caption: 'a blue square' },
        ],
      },
    });
  });

  it('should leave out pictures that the inspection could not use', async () => {
    const whole = await picture(30);
    await writeFiles(join(api.dataRoot, 'datasets/damaged'), {
      'a.png': whole,
      'sub/cut.png': whole.subarray(0, whole.length - 20),
    });
    const dataset = await api.send<Dataset>('POST /datasets', {
      body: { kind: 'lora-training', path: 'data/datasets/damaged' },
    });
    const payload = { datasetId: dataset.body.id, loraConfigId: fixture.config.id };
    const { body } = await preview({ payload });
    expect(dataset.body).toMatchObject({ status: 'ready', stats: { images: 1, unreadable: 1 } });
    expect(body.spec.dataset).toMatchObject({ examples: 1, leftOut: ['sub/cut.png'] });
    expect(body.dataset.examples).toBe(1);
    expect(body.notes).toEqual(['Left out, since they cannot be used: sub/cut.png.']);
  });

  it('should read part of a long text and extrapolate', async () => {
    const folder = join(api.dataRoot, 'datasets/words');
    const rows = Array.from({ length: 12_000 }, (_, index) => JSON.stringify({ text: `row ${index}` }));
    await writeFiles(folder, { 'rows.jsonl': rows.join('\n') });
    const dataset = await api.send<Dataset>('POST /datasets', {
      body: { kind: 'fine-tuning', path: 'data/datasets/words' },
    });
    const config = await api.send<LoraConfig>('POST /lora-configs', {
      body: { name: 'words', modelName: 'tiny-text', batchSize: 10, epochs: 2 },
    });
    const { status, body } = await preview({ payload: { datasetId: dataset.body.id, loraConfigId: config.body.id } });
    expect([status, body.dataset, body.steps]).toEqual([
      200,
      { examples: 12_000, isSample: true },
      { perEpoch: 1200, total: 2400 },
    ]);
    expect(body.notes[0]).toContain('first 10000 of 12000 rows');
  });
});
