import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Dataset, Job, TrainingSpec } from '@influencerai/shared';
import { Database } from '../../src/database/database.js';
import { JobsService } from '../../src/jobs/jobs.service.js';
import { IGNORED } from '../../src/dialects/qlora/qlora.schema.js';
import { trainTiny } from '../adapters-fixture.js';
import { JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp, type TestResponse } from '../test-app.js';
import { type Option, OPTIONS } from './contract-001.js';

type Body = Record<string, unknown>;
interface Started {
  job_id: string;
}

const fixture = (name: string): Body =>
  JSON.parse(readFileSync(new URL(`../../src/dialects/qlora/fixtures/${name}.json`, import.meta.url), 'utf8')) as Body;

const START = fixture('start.request');
const ERRORS = fixture('errors.response');
const UNKNOWN = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';
const STAMP = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/) as unknown;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

let api: TestApp;
beforeAll(async () => {
  // As bin/dev has it: the built-in trainer stands in for those that are not there.
  api = await startTestApp({ env: { RATE_LIMITS: '', TRAINER_FALLBACK: 'tiny' } });
  // Its first request makes the tenant.
  await send('GET /api/training/jobs');
  await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
});
afterAll(() => api.close());

/** As a client sends it: no tenant and no token. */
const send = <T = Body>(route: string, body?: unknown): Promise<TestResponse<T>> =>
  api.send<T>(route, { tenant: null, ...(body !== undefined && { body }) });

const start = <T = Started>(change: Body = {}): Promise<TestResponse<T>> =>
  send<T>('POST /api/training/start', { ...START, ...change });

const statusOf = async (id: string): Promise<Body> => (await send(`GET /api/training/status/${id}`)).body;
const report = (id: string, body: Body) => api.send<Job>(`PATCH /jobs/${id}`, { body });
const specOf = async (id: string): Promise<TrainingSpec> =>
  (await api.send<{ spec: TrainingSpec }>(`GET /jobs/${id}/manifest`)).body.spec;

/** Ends a job with these weights, as a client that drives its job itself. */
async function finish(id: string, weights: Buffer | string = 'weights', result: Body = {}): Promise<void> {
  await report(id, { status: 'running' });
  const put = await fetch(`${api.url}/jobs/${id}/artifacts/w.safetensors?attempt=1&kind=lora`, {
    method: 'PUT',
    headers: { 'x-tenant-id': TENANT, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(Buffer.from(weights)),
  });
  expect([put.status, await put.text()]).toEqual([200, expect.any(String)]);
  const ended = await report(id, { status: 'completed', result: { finalLoss: 0.845, steps: 1000, ...result } });
  expect(ended.status).toBe(200);
}

/** The adapter of a new job. */
async function trained(name: string, weights?: Buffer | string): Promise<string> {
  const { body } = await start({ output_dir: `./${name}` });
  await finish(body.job_id, weights, { trainingTimeMinutes: 15.5 });
  return name;
}

describe('POST /api/training/start', () => {
  it('should answer a start as documented [001:endpoint-start,example-start]', async () => {
    const { status, text } = await start();
    expect(status).toBe(200);
    const [id] = UUID.exec(text) ?? [];
    expect(text).toBe(JSON.stringify(fixture('start.response')).replaceAll('uuid-string', String(id)));
  });

  it('should train what was asked for, with what was asked for [001:files]', async () => {
    const output = `./folder/mine-${Date.now()}`;
    const { body } = await start({ output_dir: output });
    const spec = await specOf(body.job_id);
    expect(spec).toMatchObject({
      kind: 'text',
      trainer: 'tiny',
      requestedTrainer: 'trl',
      baseModel: 'codellama-7b-instruct',
      dataset: { examples: 1 },
      output: { dir: `data/loras/${output.slice(2)}` },
      training: { epochs: 3, maxSteps: null, batchSize: 1, gradientAccumulation: 4, learningRate: 2e-4 },
      network: { dim: 4, alpha: 8 },
      extra: {
        method: 'qlora',
        warmupSteps: 100,
        saveEverySteps: 500,
        maxLength: 2048,
        loraDropout: 0.05,
        loraTargetModules: ['q_proj', 'v_proj'],
      },
    });
    const file = join(api.folderOf(TENANT), 'datasets/uploads', spec.dataset.id, 'rows.jsonl');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ text: (START['train_texts'] as string[])[0] });
    const { body: dataset } = await api.send<Dataset>(`GET /datasets/${spec.dataset.id}`);
    expect([dataset.status, dataset.stats?.rows]).toEqual(['ready', 1]);
  });

  it.each(OPTIONS)(
    'should take $parameter within its bounds alone [001:option-$parameter]',
    async ({ group, parameter, good, bad, sentence }) => {
      for (const value of good) {
        const { status, text } = await start({ [group]: { [parameter]: value } });
        expect([value, status, text]).toEqual([value, 200, expect.any(String)]);
      }
      for (const value of [...bad, {}]) {
        const { status, body } = await start<Body>({ [group]: { [parameter]: value } });
        expect([value, status, body]).toEqual([value, 400, { error: sentence }]);
      }
    },
  );

  it.each(['all', 'lora_only'])(
    'should refuse the bias %s, which TRL does not train [001:departs-bias]',
    async (bias) => {
      const { status, body } = await start<Body>({ lora_config: { bias } });
      expect([status, body]).toEqual([400, { error: 'bias must be none: biases are not trained here' }]);
    },
  );

  it('should take the bodies of the examples as they stand [001:example-curl,example-python]', async () => {
    const uploaded = await send('POST /api/training/data/upload', fixture('example-upload.request'));
    expect([uploaded.status, uploaded.body['num_texts']]).toEqual([200, 1]);
    for (const [name, maxSteps] of [
      ['example-start', 10],
      ['example-python', 5],
    ] as const) {
      const { status, body } = await send<Started>('POST /api/training/start', fixture(`${name}.request`));
      expect([name, status]).toEqual([name, 200]);
      expect((await specOf(body.job_id)).training).toMatchObject({ epochs: 1, maxSteps, batchSize: 1 });
    }
  });

  it('should do without configurations, with the defaults of the contract [001:optional,option-$all]', async () => {
    const { body } = await start({ lora_config: undefined, training_config: undefined, output_dir: undefined });
    const { training, network, extra, output } = await specOf(body.job_id);
    const of = (parameter: string) => OPTIONS.find((option) => option.parameter === parameter)?.fallback;
    expect({ ...training, ...network, ...extra }).toMatchObject({
      dim: of('r'),
      alpha: of('lora_alpha'),
      loraDropout: of('lora_dropout'),
      loraTargetModules: of('target_modules'),
      epochs: of('num_epochs'),
      batchSize: of('batch_size'),
      learningRate: of('learning_rate'),
      maxSteps: null,
      gradientAccumulation: of('gradient_accumulation_steps'),
      warmupSteps: of('warmup_steps'),
      saveEverySteps: of('save_steps'),
      maxLength: of('max_seq_length'),
    });
    expect(output.name).toBe('codellama-7b-instruct');
  });

  it('should read null as left out, as Python writes None [001:none]', async () => {
    const none = (group: Option['group']) =>
      Object.fromEntries(OPTIONS.filter((option) => option.group === group).map(({ parameter }) => [parameter, null]));
    const specFor = async (change: Body) => {
      const { status, body } = await start({ output_dir: null, dataset_name: null, ...change });
      expect([status, body]).toEqual([200, expect.anything()]);
      const { dataset, output, ...rest } = await specOf(body.job_id);
      return { ...rest, examples: dataset.examples, name: output.name };
    };
    const leftOut = await specFor({ lora_config: undefined, training_config: undefined });
    expect(await specFor({ lora_config: null, training_config: null })).toEqual(leftOut);
    const nones = { lora_config: none('lora_config'), training_config: none('training_config') };
    expect(await specFor(nones)).toEqual(leftOut);
    const uploaded = await send('POST /api/training/data/upload', { train_texts: ['a'], dataset_name: null });
    expect([uploaded.status, uploaded.body['dataset_name']]).toEqual([200, expect.stringMatching(UUID)]);
    const byName = { train_texts: null, dataset_name: uploaded.body['dataset_name'] };
    expect((await specFor(byName)).examples).toBe(1);
  });

  it.each(IGNORED)('should take %s and make nothing of it', async (field) => {
    const [group, parameter] = field.split('.') as [string, string];
    const { body } = await start({ [group]: { [parameter]: 77_777 } });
    expect(JSON.stringify(await specOf(body.job_id))).not.toContain('77777');
  });

  it('should train by epochs unless steps are given [001:steps]', async () => {
    const stepsFor = async (training_config: Body) =>
      (await specOf((await start({ training_config })).body.job_id)).training.maxSteps;
    expect([await stepsFor({ max_steps: -1 }), await stepsFor({ max_steps: 10 }), await stepsFor({})]).toEqual([
      null,
      10,
      null,
    ]);
  });

  it.each([
    ['model_name', ERRORS['required']],
    ['train_texts', { error: 'train_texts is required' }],
  ])('should ask for %s [001:required,error-required]', async (field, sentence) => {
    const { status, body } = await start<Body>({ [field]: undefined });
    expect([status, body]).toEqual([400, sentence]);
    expect((await send('POST /api/training/start')).body).toEqual(ERRORS['required']);
  });

  it.each([
    [{ train_texts: 'text' }, 'train_texts must be a list'],
    [{ train_texts: null }, 'train_texts is required'],
    [{ train_texts: {} }, 'train_texts must be a list'],
    [{ train_texts: [] }, 'train_texts must hold 1 to 10000 texts'],
    [{ train_texts: [7] }, 'train_texts must be a list of strings that are not blank'],
    [{ train_texts: [' '] }, 'train_texts must be a list of strings that are not blank'],
    [{ train_texts: ['a\0'] }, 'train_texts.0: '],
    [{ model_name: 7 }, 'model_name must be a string'],
    [{ model_name: ' ' }, 'model_name is required'],
    [{ lora_config: 'r=4' }, 'lora_config must be an object'],
    [{ training_config: [] }, 'training_config must be an object'],
    [{ training_config: { epochs: 3 } }, 'training_config.epochs: Unknown field.'],
    [{ surprise: 1 }, 'surprise: Unknown field.'],
    [{ dataset_name: 'x' }, 'dataset_name cannot stand beside train_texts'],
    [{ output_dir: '' }, 'output_dir must be a string'],
  ])('should refuse %j [001:error-format]', async (change, sentence) => {
    const { status, body } = await start<{ error: string }>(change);
    expect([status, Object.keys(body)]).toEqual([400, ['error']]);
    expect(body.error).toContain(sentence);
  });

  it.each(['/etc', '../x', 'a/../../x', './.ssh', 'a\\b', 'data/../x', 'data/loras/../datasets/x', 'a\u0000b'])(
    'should keep what it writes below its folder: %j [001:files]',
    async (output_dir) => {
      const { status, body } = await start<{ error: string }>({ output_dir });
      expect([status, body.error]).toEqual([400, expect.stringMatching(/^output_dir: /)]);
    },
  );

  it('should refuse a body that is no JSON [001:error-json]', async () => {
    const { status, body } = await send('POST /api/training/start', '{"model_name":');
    expect([status, body]).toEqual([400, { error: 'The request body is not valid JSON.' }]);
  });

  it.each(['model_name', 'sdxl', 'tiny-image', 'x'.repeat(255)])(
    'should refuse the model %s, which nothing here can train on texts [001:error-model]',
    async (model_name) => {
      const before = await countOf('dataset');
      const { status, body } = await start<Body>({ model_name });
      const expected = JSON.stringify(ERRORS['model']).replaceAll('model_name', model_name);
      expect([status, JSON.stringify(body)]).toEqual([400, expected]);
      expect([await countOf('dataset'), await countOf('upload')]).toEqual([before, 0]);
    },
  );

  it.each(['tiny', 'tiny-text', 'meta-llama/Llama-3.2-1B', 'somebody/new'])(
    'should take the model %s',
    async (name) => {
      expect((await start({ model_name: name })).status).toBe(200);
    },
  );

  it('should take many texts, and say where they are too many [001:many-texts]', async () => {
    const texts = Array.from({ length: 10_000 }, (_, index) => `${index} ${'text '.repeat(400)}`);
    const { status, body } = await start({ train_texts: texts });
    expect([status, body]).toEqual([200, expect.anything()]);
    expect((await specOf(body.job_id)).dataset.examples).toBe(10_000);
    const uploaded = await send('POST /api/training/data/upload', { train_texts: texts });
    expect([uploaded.status, uploaded.body['num_texts']]).toEqual([200, 10_000]);
    const tooMuch = await send('POST /api/training/data/upload', { train_texts: ['x'.repeat(2 ** 25)] });
    expect([tooMuch.status, tooMuch.body]).toEqual([413, { error: expect.stringContaining('33554432 bytes') }]);
  });

  it('should keep no texts of a submission that fails, and say whose fault it was [001:error-server]', async () => {
    const before = await countOf('dataset');
    const failing = jest.spyOn(api.app.get(JobsService), 'create').mockRejectedValueOnce(new Error('secret'));
    const { status, body, headers } = await start<Body>();
    failing.mockRestore();
    expect([status, body]).toEqual([500, ERRORS['server']]);
    expect(headers.get('x-request-id')).toMatch(/./);
    expect([await countOf('dataset'), await countOf('upload')]).toEqual([before, 0]);
  });

  it('should answer a repeated start as it answered the first', async () => {
    const again = () =>
      api.send('POST /api/training/start', { tenant: null, headers: { 'idempotency-key': 'again' }, body: START });
    const [first, second] = [await again(), await again()];
    expect([second.status, second.text]).toEqual([200, first.text]);
  });
});

const countOf = async (table: 'dataset' | 'upload'): Promise<number> =>
  (await api.app.get(Database).pool.query(`select count(*)::int as n from ${table}`)).rows[0].n as number;

describe('GET /api/training/status/:id', () => {
  it('should show a running job as documented [001:endpoint-status,example-status,eval-loss,statuses]', async () => {
    const { job_id } = (await start({ output_dir: './shown', training_config: { max_steps: 1000 } })).body;
    expect(await statusOf(job_id)).toMatchObject({
      status: 'pending',
      progress: 0,
      started_at: null,
      total_steps: 1000,
    });
    const progress = { currentStep: 450, totalSteps: 1000, loss: 1.234, learningRate: 0.0002 };
    await report(job_id, { status: 'running', result: { progress } });
    const expected = fixture('status.response');
    const body = await statusOf(job_id);
    expect(Object.keys(body)).toEqual(Object.keys(expected));
    expect(body).toEqual({
      ...expected,
      job_id,
      created_at: STAMP,
      started_at: STAMP,
      // No texts are held back to evaluate on.
      metrics: { ...(expected['metrics'] as Body), eval_loss: null },
      adapter_path: './data/loras/shown',
    });
  });

  it('should show how a job ended [001:statuses]', async () => {
    const ended = async (status: string, result: Body) => {
      const { job_id } = (await start({ training_config: { max_steps: 20 } })).body;
      await report(job_id, { status: 'running', metrics: [{ step: 5, epoch: 1, loss: 2, learningRate: 0.1 }] });
      await report(job_id, { status, result });
      return statusOf(job_id);
    };
    expect(await ended('completed', { finalLoss: 0.5, steps: 20 })).toMatchObject({
      status: 'completed',
      progress: 100,
      completed_at: STAMP,
      current_step: 20,
      total_steps: 20,
      current_loss: 0.5,
      learning_rate: 0.1,
      error_message: null,
    });
    expect(await ended('failed', { error: 'Out of memory.' })).toMatchObject({
      status: 'failed',
      progress: 25,
      current_step: 5,
      total_steps: 20,
      current_loss: 2,
      adapter_path: null,
      error_message: 'Out of memory.',
    });
    expect(await ended('cancelled', {})).toMatchObject({ status: 'cancelled', progress: 25, adapter_path: null });
  });

  it.each(['job_id', UNKNOWN])('should not find the job %s [001:error-job]', async (id) => {
    for (const route of [`GET /api/training/status/${id}`, `POST /api/training/stop/${id}`]) {
      const { status, body } = await send(route);
      const expected = JSON.stringify(ERRORS['notFound']).replaceAll('job_id', id);
      expect([route, status, JSON.stringify(body)]).toEqual([route, 404, expected]);
    }
  });

  it('should find neither jobs of other tenants nor those that learn from pictures [001:error-job]', async () => {
    const texts = await api.send<Started>('POST /api/training/start', { tenant: OTHER_TENANT, body: START });
    const pictures = await (await JobsFixture.create(api)).submit();
    await api.app.get(Database).pool.query('update job set tenant_id = $1 where false', [OTHER_TENANT]);
    expect((await send(`GET /api/training/status/${pictures.id}`)).status).toBe(404);
    expect((await send(`POST /api/training/stop/${pictures.id}`)).status).toBe(404);
    expect((await send(`GET /api/training/status/${texts.body.job_id}`)).status).toBe(404);
  });
});

describe('GET /api/training/jobs', () => {
  it('should list text jobs of every contract, newest first [001:endpoint-jobs,example-jobs,newest-first]', async () => {
    const { job_id } = (await start({ output_dir: './listed' })).body;
    await finish(job_id);
    const { body: dataset } = await api.send<Dataset>('POST /datasets/texts', { body: { texts: ['a'] } });
    const payload = { datasetId: dataset.id, config: { modelName: 'tiny-text' } };
    const native = await api.send<Job>('POST /jobs', { body: { type: 'lora-training', payload } });
    await (await JobsFixture.create(api)).submit();
    const { status, body } = await send<{ jobs: Body[]; total: number }>('GET /api/training/jobs');
    expect([status, Object.keys(body), body.jobs.length]).toEqual([200, ['jobs', 'total'], body.total]);
    expect(body.jobs[0]).toMatchObject({ job_id: native.body.id, status: 'pending', progress: 0 });
    const [expected] = fixture('jobs.response')['jobs'] as Body[];
    const times = { created_at: STAMP, started_at: STAMP, completed_at: STAMP };
    expect(body.jobs[1]).toEqual({ ...expected, job_id, ...times });
    expect(Object.keys(body.jobs[1] ?? {})).toEqual(Object.keys(expected ?? {}));
  });
});

describe('POST /api/training/stop/:id', () => {
  it('should stop a job that waits, as documented [001:endpoint-stop,example-stop]', async () => {
    const { job_id } = (await start()).body;
    const { status, text } = await send(`POST /api/training/stop/${job_id}`);
    expect([status, text]).toEqual([200, JSON.stringify(fixture('stop.response')).replaceAll('uuid-string', job_id)]);
    expect(await statusOf(job_id)).toMatchObject({ status: 'cancelled', completed_at: STAMP });
    const again = await send(`POST /api/training/stop/${job_id}`);
    expect([again.status, again.text]).toEqual([200, text]);
  });

  it('should call a running job cancelled once it was stopped [001:endpoint-stop,statuses]', async () => {
    const { job_id } = (await start()).body;
    await report(job_id, { status: 'running' });
    expect((await send(`POST /api/training/stop/${job_id}`)).status).toBe(200);
    expect(await statusOf(job_id)).toMatchObject({ status: 'cancelled' });
  });

  it.each(['completed', 'failed'])('should refuse a job that is over: %s [001:error-stop]', async (end) => {
    const { job_id } = (await start()).body;
    for (const status of ['running', end]) await report(job_id, { status, result: {} });
    const { status, body } = await send(`POST /api/training/stop/${job_id}`);
    expect([status, body]).toEqual([400, { error: `Job ${job_id} cannot be cancelled: it is ${end}` }]);
  });
});

describe('POST /api/training/data/upload', () => {
  it('should take texts as documented, to be trained on by name [001:endpoint-upload,example-upload,uploaded-texts]', async () => {
    const { status, text } = await send('POST /api/training/data/upload', fixture('upload.request'));
    expect([status, text]).toEqual([200, JSON.stringify(fixture('upload.response'))]);
    const again = { dataset_name: 'my_dataset', train_texts: ['one', 'two', 'three'] };
    await send('POST /api/training/data/upload', again);
    const { body } = await start({ train_texts: undefined, dataset_name: 'my_dataset', output_dir: undefined });
    const { dataset, output } = await specOf(body.job_id);
    expect([dataset.examples, output.name]).toEqual([3, 'my-dataset']);
  });

  it('should not find the texts of a submission in place of those that were uploaded [001:uploaded-texts]', async () => {
    await send('POST /api/training/data/upload', { dataset_name: 'tiny-text', train_texts: ['one', 'two'] });
    await start({ model_name: 'tiny-text' });
    const { body } = await start({ train_texts: undefined, dataset_name: 'tiny-text' });
    expect((await specOf(body.job_id)).dataset.examples).toBe(2);
  });

  it('should name what has no name [001:optional]', async () => {
    const { body } = await send('POST /api/training/data/upload', { train_texts: ['a'] });
    expect(body['dataset_name']).toMatch(/^dataset-[0-9a-f-]{36}$/);
    expect((await start({ train_texts: undefined, dataset_name: body['dataset_name'] })).status).toBe(200);
  });

  it('should not find texts that nobody uploaded', async () => {
    const { status, body } = await start<Body>({ train_texts: undefined, dataset_name: 'nothing' });
    expect([status, body]).toEqual([404, { error: 'Dataset nothing not found' }]);
  });

  it.each([
    [{}, 'train_texts is required'],
    [{ train_texts: 'a' }, 'train_texts must be a list'],
    [{ train_texts: [''] }, 'train_texts must be a list of strings that are not blank'],
    [{ train_texts: ['a'], dataset_name: 7 }, 'dataset_name must be a string of 1 to 255 characters'],
  ])('should refuse %j [001:error-format,required]', async (body, error) => {
    const answer = await send('POST /api/training/data/upload', body);
    expect([answer.status, answer.body]).toEqual([400, { error }]);
  });
});

describe('errors', () => {
  it.each([
    ['POST /api/training/start', 400],
    ['GET /api/training/status/x', 404],
    ['PUT /api/training/jobs', 405],
    ['POST /api/training/stop/x', 404],
    ['POST /api/training/data/upload', 400],
    ['PUT /api/adapters', 405],
    ['GET /api/adapters/x', 404],
    ['POST /api/adapters/x/load', 404],
    ['POST /api/adapters/unload', 400],
    ['DELETE /api/adapters/x', 404],
  ])('should have one form: %s [001:error-shape]', async (route, expected) => {
    // Of a tenant that has nothing.
    const body = route.startsWith('P') ? {} : undefined;
    const answer = await api.send<Body>(route, { tenant: OTHER_TENANT, ...(body && { body }) });
    expect([answer.status, answer.body]).toEqual([expected, { error: expect.stringMatching(/./) }]);
  });
});

describe('adapters', () => {
  let weights: Buffer;
  beforeAll(async () => {
    weights = await trainTiny('text', 'The parcel goes back into its box.');
    await trained('coding_assistant_v1', weights);
    const description = 'Fine-tuned for Python coding tasks';
    await api.send('PATCH /adapters/coding_assistant_v1', { body: { description } });
  });

  const changing = { path: './data/loras/coding_assistant_v1', created_at: STAMP, size_mb: expect.any(Number) };
  const NAME = 'coding_assistant_v1';

  it('should load, show and list one as documented [001:endpoint-load,example-load,endpoint-adapter,example-adapter,endpoint-adapters,example-adapters]', async () => {
    const loaded = await send(`POST /api/adapters/${NAME}/load`);
    expect([loaded.status, loaded.body]).toEqual([200, fixture('load.response')]);

    const { status, body } = await send(`GET /api/adapters/${NAME}`);
    const expected = fixture('adapter.response');
    expect([status, body]).toEqual([200, { ...expected, ...changing }]);
    expect(Object.keys(body)).toEqual(Object.keys(expected));

    const listed = await send<{ adapters: Body[]; total: number; current_adapter: string }>('GET /api/adapters');
    const list = fixture('adapters.response');
    const [example] = list['adapters'] as Body[];
    expect([listed.status, Object.keys(listed.body)]).toEqual([200, Object.keys(list)]);
    expect(listed.body.current_adapter).toBe(NAME);
    expect(listed.body.total).toBe(listed.body.adapters.length);
    expect(listed.body.adapters.find(({ name }) => name === NAME)).toEqual({ ...example, ...changing });
    const other = listed.body.adapters.find(({ name }) => name === 'listed');
    expect(other).toMatchObject({ description: '', is_loaded: false });
  });

  it('should not delete one that is loaded [001:error-delete]', async () => {
    const { status, body } = await send<{ error: string }>(`DELETE /api/adapters/${NAME}`);
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^Failed to delete adapter: .*is loaded/)]);
  });

  const listed = async () => {
    const { body } = await send<{ adapters: Body[]; current_adapter: string | null }>('GET /api/adapters');
    const loaded = body.adapters.filter(({ is_loaded }) => is_loaded).map(({ name }) => name);
    return { current: body.current_adapter, loaded };
  };

  it('should have one current adapter, and none once it is unloaded [001:current,endpoint-unload,example-unload,error-unload]', async () => {
    await trained('second', weights);
    for (const name of ['second', NAME, 'second', 'second', NAME]) {
      expect((await send(`POST /api/adapters/${name}/load`)).status).toBe(200);
      expect(await listed()).toEqual({ current: name, loaded: [name] });
      expect((await send('GET /api/adapters/second')).body['is_loaded']).toBe(name === 'second');
    }
    const { status, body } = await send('POST /api/adapters/unload');
    expect([status, body]).toEqual([200, fixture('unload.response')]);
    expect(await listed()).toEqual({ current: null, loaded: [] });
    const none = await send('POST /api/adapters/unload');
    expect([none.status, none.body]).toEqual([400, { error: 'No adapter currently loaded' }]);
  });

  it('should keep one of several that are loaded at once [001:current]', async () => {
    const names = ['one', 'two', 'three'];
    for (const name of names) await trained(name, weights);
    const loads = await Promise.all(names.map((name) => send(`POST /api/adapters/${name}/load`)));
    expect(loads.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { current, loaded } = await listed();
    expect(loaded).toEqual([current]);
    await send('POST /api/adapters/unload');
    expect(await listed()).toEqual({ current: null, loaded: [] });
  });

  it('should leave those that were loaded elsewhere, and name one of them where it has none', async () => {
    await api.send(`POST /adapters/${NAME}/load`, { body: {} });
    expect((await listed()).current).toBe(NAME);
    await send('POST /api/adapters/second/load');
    await api.send('POST /adapters/one/load', { body: {} });
    expect(await listed()).toEqual({ current: 'second', loaded: expect.arrayContaining([NAME, 'second', 'one']) });
    await send('POST /api/adapters/two/load');
    expect((await listed()).loaded.toSorted()).toEqual([NAME, 'one', 'two']);
    for (const name of ['two', 'one', NAME]) {
      expect((await send('POST /api/adapters/unload')).body['adapter_name']).toBe(name);
    }
  });

  it('should delete one with its files [001:endpoint-delete,example-delete]', async () => {
    const file = join(api.folderOf(TENANT), 'loras', NAME, 'w.safetensors');
    expect(existsSync(file)).toBe(true);
    const { status, body } = await send(`DELETE /api/adapters/${NAME}`);
    expect([status, body]).toEqual([200, fixture('delete.response')]);
    expect(existsSync(file)).toBe(false);
  });

  it('should say why one cannot be loaded [001:error-load]', async () => {
    await trained('broken', 'no weights at all');
    const { status, body } = await send<{ error: string }>('POST /api/adapters/broken/load');
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^Failed to load adapter: The runtime tiny .*:/)]);
  });

  it.each(['coding_assistant_v0', '..%2F..%2Fetc'])('should not find %s [001:error-adapter]', async (name) => {
    for (const [method, action] of [['GET'], ['POST', '/load'], ['DELETE']]) {
      const { status, body } = await send(`${method} /api/adapters/${name}${action ?? ''}`);
      expect([method, status, body]).toEqual([method, 404, { error: `Adapter ${decodeURIComponent(name)} not found` }]);
    }
  });
});
