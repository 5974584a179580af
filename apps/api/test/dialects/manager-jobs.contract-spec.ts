import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dataset, type Job, TRAINING_DEFAULTS, type TrainingSpec } from '@influencerai/shared';
import type { ManagerConfig } from '../../src/dialects/manager/manager-config.schema.js';
import type { ManagerJob, ManagerJobStatus } from '../../src/dialects/manager/manager-jobs.schema.js';
import { Database } from '../../src/database/database.js';
import type { PageOf } from '../../src/dialects/manager/manager.schema.js';
import { HttpWorker, JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from '../test-app.js';
import { RANGES_003 } from './contract-003-jobs.js';

interface Failed {
  detail: string | { loc: (string | number)[]; msg: string; type: string }[];
}

const fixture = <T = Record<string, unknown>>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../src/dialects/manager/fixtures/${name}.json`, import.meta.url), 'utf8')) as T;

const REQUEST = fixture('job.request');

let api: TestApp;
let dataset: Dataset;

const makeTexts = async (tenant = TENANT): Promise<Dataset> =>
  (await api.send<Dataset>('POST /datasets/texts', { tenant, body: { texts: ['one', 'two'] } })).body;

beforeAll(async () => {
  api = await startTestApp({ env: { TRAINER_FALLBACK: 'tiny' } });
  dataset = await makeTexts();
  await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
});
afterAll(() => api.close());

/** As a client sends it, which knows no credentials. */
const send = <T = ManagerJob>(route: string, body?: unknown) =>
  api.send<T>(route, { tenant: null, ...(body !== undefined && { body }) });

const create = <T = ManagerJob>(change: object = {}) =>
  send<T>('POST /api/v1/jobs/', { ...REQUEST, dataset_id: dataset.number, ...change });

/** The job as the native face has it. */
const nativeOf = async (number: number): Promise<Job> => {
  const { rows } = await api.app
    .get(Database)
    .pool.query<{ id: string }>('select id from job where tenant_id = $1 and number = $2', [TENANT, number]);
  return (await api.send<Job>(`GET /jobs/${rows[0]?.id}`)).body;
};

const specOf = async (number: number): Promise<TrainingSpec> => {
  const { rows } = await api.app
    .get(Database)
    .pool.query<{ spec: TrainingSpec }>('select spec from job where tenant_id = $1 and number = $2', [TENANT, number]);
  return rows[0]!.spec;
};

const drive = async (number: number, body: object) => api.send(`PATCH /jobs/${(await nativeOf(number)).id}`, { body });

describe('POST /api/v1/jobs/', () => {
  it('should answer as documented [003:endpoint-jobs-create,example-job]', async () => {
    const { status, text, body } = await create();
    const expected = JSON.stringify(fixture('job.response'))
      .replace('"id":1', `"id":${body.id}`)
      .replace('2024-01-01T00:00:00Z', body.created_at)
      .replace('2024-01-01T00:00:00Z', body.updated_at);
    expect([status, text]).toEqual([201, expected]);
  });

  it.each(RANGES_003)(
    'should hold $field within its bounds [003:range-$field]',
    async ({ field, min, max, beyond }) => {
      for (const value of [min, max]) expect((await create({ [field]: value })).body[field]).toBe(value);
      for (const value of beyond) {
        const { status, body } = await create<Failed>({ [field]: value });
        expect([value, status, body.detail]).toEqual([value, 422, [expect.objectContaining({ loc: ['body', field] })]]);
      }
    },
  );

  it.each([
    ['qlora', 'qlora'],
    ['standard', 'full'],
  ])('should train %s [003:training-types]', async (training_type, method) => {
    const { status, body } = await create({ training_type });
    expect([status, body.training_type]).toEqual([201, training_type]);
    expect((await specOf(body.id)).extra).toEqual({ method, loraDropout: 0.05 });
  });

  it('should take names as long as those of datasets and projects [003:range-name]', async () => {
    const name = 'x'.repeat(255);
    expect((await create({ name })).body.name).toBe(name);
    expect((await create({ name: `${name}x` })).status).toBe(422);
  });

  it('should make an index for rag, whatever the model [003:training-types]', async () => {
    const { status, body } = await create({ training_type: 'rag', model_name: 'no/such-model' });
    expect([status, body.training_type, body.model_name]).toEqual([201, 'rag', 'no/such-model']);
    expect(await specOf(body.id)).toMatchObject({ kind: 'text', trainer: 'retrieval', requestedTrainer: 'retrieval' });
    expect((await send<ManagerJob>(`GET /api/v1/jobs/${body.id}`)).body.training_type).toBe('rag');
  });

  it.each([
    [{ name: undefined }, ['body', 'name']],
    [{ dataset_id: undefined }, ['body', 'dataset_id']],
    [{ dataset_id: 'one' }, ['body', 'dataset_id']],
    [{ dataset_id: 1.5 }, ['body', 'dataset_id']],
    [{ training_type: 'lora' }, ['body', 'training_type']],
    [{ surprise: 1 }, ['body', 'surprise']],
    [{ name: null }, ['body', 'name']],
    [{ epochs: '' }, ['body', 'epochs']],
    [{ learning_rate: 'abc' }, ['body', 'learning_rate']],
  ])('should list what is wrong with %j [003:strict]', async (change, loc) => {
    const { status, body } = await create<Failed>(change);
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc })]]);
  });

  it('should take text that says a number [003:numbers]', async () => {
    const numbers = { batch_size: ' 8 ', epochs: '2', lora_r: '4.0', learning_rate: '1e-4', lora_dropout: '0.1' };
    const { status, body } = await create({ ...numbers, dataset_id: String(dataset.number) });
    const read = { batch_size: 8, epochs: 2, lora_r: 4, learning_rate: 0.0001, lora_dropout: 0.1 };
    expect([status, body]).toEqual([201, expect.objectContaining({ ...read, dataset_id: dataset.number })]);
    const change = { default_epochs: '3', max_concurrent_workers: '4' };
    const { status: changed, body: config } = await send<ManagerConfig>('PATCH /api/v1/config', change);
    expect([changed, config]).toMatchObject([200, { default_epochs: 3, max_concurrent_workers: 4 }]);
  });

  it.each([0, -1, 999_999, 3_000_000_000])('should say that there is no dataset %j', async (dataset_id) => {
    const { status, body } = await create<Failed>({ dataset_id });
    expect([status, body.detail]).toEqual([400, `dataset_id: There is no dataset ${dataset_id}.`]);
  });

  it('should take back the configuration that it hands out [003:read-back]', async () => {
    const { body: config } = await send<ManagerConfig>('GET /api/v1/config');
    const { status, body } = await send<ManagerConfig>('PATCH /api/v1/config', config);
    expect([status, body]).toEqual([200, { ...config, updated_at: expect.any(String) }]);
  });

  it('should read null as left out [003:null]', async () => {
    const nothing = { ...Object.fromEntries(RANGES_003.map(({ field }) => [field, null])), description: null };
    const { status, body } = await create({ ...nothing, training_type: null, model_name: null });
    const { body: config } = await send<ManagerConfig>('GET /api/v1/config');
    expect([status, body.description, body.epochs, body.lora_dropout, body.model_name]).toEqual([
      201,
      null,
      config.default_epochs,
      config.default_lora_dropout,
      config.default_model,
    ]);
  });

  it('should take JSON alone [003:error-422]', async () => {
    const response = await fetch(`${api.url}/api/v1/jobs/`, {
      method: 'POST',
      headers: { 'content-type': 'application/xml' },
      body: '<job/>',
    });
    expect([response.status, await response.json()]).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.stringContaining('application/json'), type: 'value_error' }] },
    ]);
  });

  it('should say that a body is no JSON', async () => {
    const { status, body } = await send<Failed>('POST /api/v1/jobs', '{"name":');
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc: ['body'], type: 'json_invalid' })]]);
    const twice = await send<Failed>('POST /api/v1/jobs', '{"name":"a","name":"b"}');
    expect([twice.status, twice.body.detail]).toEqual([422, [expect.objectContaining({ loc: ['body', 'name'] })]]);
  });

  it('should refuse a dataset that cannot be used [003:error-job-400]', async () => {
    const { dataset: pictures } = await JobsFixture.create(api);
    const failed = await makeTexts();
    await api.send(`PATCH /datasets/${failed.id}/status`, { body: { status: 'failed' } });
    const other = await makeTexts(OTHER_TENANT);
    await api.app.get(Database).pool.query('update dataset set number = 5000 where id = $1', [other.id]);
    for (const dataset_id of [pictures.number, failed.number, 5000, 6000]) {
      const { status, body } = await create<Failed>({ dataset_id });
      expect([status, body]).toEqual([400, { detail: expect.any(String) }]);
    }
    const [foreign, unknown] = [await create({ dataset_id: 5000 }), await create({ dataset_id: 6000 })];
    expect(foreign.text.replaceAll('5000', '6000')).toBe(unknown.text);
  });

  it.each([
    ['a name that nothing here knows', 'house-model', 400],
    ['the documented one, for which the tiny model stands in', 'llama3.2:3b', 201],
  ])('should look for its model at once: %s [003:error-job-400]', async (_, model_name, status) => {
    expect((await create({ model_name })).status).toBe(status);
  });

  it('should answer a repeated request as it answered the first', async () => {
    const again = () =>
      api.send<ManagerJob>('POST /api/v1/jobs', {
        tenant: null,
        headers: { 'idempotency-key': 'one-job' },
        body: { ...REQUEST, dataset_id: dataset.number },
      });
    expect((await again()).body.id).toBe((await again()).body.id);
  });
});

describe('POST /api/v1/jobs/ where nothing stands in', () => {
  /** What a host answers on the documented model, and on what it is on the hub. */
  const ask = async (env: Record<string, string>) => {
    const host = await startTestApp({ env });
    try {
      const { body: texts } = await host.send<Dataset>('POST /datasets/texts', { body: { texts: ['one', 'two'] } });
      const submit = (change: object) =>
        host.send<Failed>('POST /api/v1/jobs/', {
          tenant: null,
          body: { ...REQUEST, dataset_id: texts.number, ...change },
        });
      return [await submit({}), await submit({ model_name: undefined }), await submit({ model_name: HUB_ID })];
    } finally {
      await host.close();
    }
  };
  const HUB_ID = 'meta-llama/Llama-3.2-3B-Instruct';

  it('should say so of the documented model where no registry names it [003:error-job-400]', async () => {
    const detail = 'The base model llama3.2:3b is not available here.';
    const [named, byDefault, onHub] = await ask({});
    for (const { status, body } of [named!, byDefault!]) expect([status, body]).toEqual([400, { detail }]);
    expect(onHub?.status).toBe(201);
  });

  it('should take the documented model where the registry is as its example [003:example-job]', async () => {
    const MODELS_FILE = fileURLToPath(new URL('../../../../docs/models.example.yaml', import.meta.url));
    const answers = await ask({ MODELS_FILE });
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  });
});

describe('/api/v1/jobs/{id}', () => {
  it('should say how far it is [003:endpoint-jobs-status,example-job-status]', async () => {
    const { id } = (await create()).body;
    const progress = { currentEpoch: 2, totalEpochs: 3, currentStep: 91, totalSteps: 200, loss: 0.234 };
    await drive(id, { status: 'running', result: { progress } });
    const { status, text } = await send<ManagerJobStatus>(`GET /api/v1/jobs/${id}/status/`);
    expect([status, text]).toEqual([
      200,
      JSON.stringify(fixture('job-status.response')).replace('"id":1', `"id":${id}`),
    ]);
  });

  it('should have a word for every status [003:job-statuses,endpoint-jobs-get]', async () => {
    const get = async (id: number) => {
      const { status, progress, current_epoch, error_message } = (await send(`GET /api/v1/jobs/${id}`)).body;
      return [status, progress, current_epoch, error_message];
    };
    const { id } = (await create()).body;
    expect(await get(id)).toEqual(['pending', 0, 0, null]);
    await drive(id, { status: 'running' });
    expect(await get(id)).toEqual(['running', 0, 0, null]);
    await drive(id, { status: 'completed', result: { finalLoss: 0.1 } });
    expect(await get(id)).toEqual(['completed', 100, 3, null]);

    const { id: broken } = (await create()).body;
    await drive(broken, { status: 'running' });
    await drive(broken, { status: 'failed', result: { error: 'Out of memory.', epoch: 1 } });
    expect(await get(broken)).toEqual(['failed', 33.3, 1, 'Out of memory.']);

    await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 0 where id = $1', [TENANT]);
    const { id: waiting, status } = (await create()).body;
    await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
    expect(status).toBe('queued');
    expect((await send(`POST /api/v1/jobs/${waiting}/cancel`)).body.status).toBe('cancelled');
  });

  it('should show times in whole seconds, as datasets and the configuration do [003:times]', async () => {
    const { id } = (await create()).body;
    await drive(id, { status: 'running' });
    await drive(id, { status: 'completed', result: {} });
    const shown = { datasets: 2, jobs: 4, config: 2 };
    const paths = { datasets: `datasets/${dataset.number}`, jobs: `jobs/${id}`, config: 'config' };
    for (const [name, path] of Object.entries(paths)) {
      const { body } = await send<object>(`GET /api/v1/${path}`);
      const times = Object.entries(body).filter(([field]) => field.endsWith('_at'));
      const whole = times.filter(([, time]) => /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z$/.test(String(time)));
      expect([name, whole]).toEqual([name, times]);
      expect(times).toHaveLength(shown[name as keyof typeof shown]);
    }
  });

  it('should show odd progress as none', async () => {
    const { id } = (await create()).body;
    await drive(id, { status: 'running', result: { progress: { currentStep: 'x' }, error: 7, epoch: -1 } });
    const { body } = await send<ManagerJobStatus>(`GET /api/v1/jobs/${id}/status`);
    expect(body).toMatchObject({ progress: 0, current_loss: null, error_message: null });
  });

  it('should show a job of another face, and of a dataset that is gone', async () => {
    const fixture = await JobsFixture.create(api);
    const { id, number } = await fixture.submit();
    await api.send(`POST /jobs/${id}/cancel`);
    expect((await api.send(`DELETE /datasets/${fixture.dataset.id}`)).status).toBe(200);
    const { body } = await send(`GET /api/v1/jobs/${number}`);
    expect(body).toMatchObject({ training_type: 'standard', model_name: 'tiny-image', lora_dropout: 0.05 });
    expect(body.dataset_id).toBe(fixture.dataset.number);
  });

  it.each(['GET %', 'GET %/status', 'POST %/cancel'])(
    'should not find another tenant’s, nor what there is not: %s [003:error-job-404]',
    async (route) => {
      const { number } = await (await JobsFixture.create(api, OTHER_TENANT)).submit();
      const ask = (id: number, tenant: string) =>
        api.send<Failed>(route.replace('%', `/api/v1/jobs/${id}`), { tenant });
      const { rows } = await api.app
        .get(Database)
        .pool.query<{ last: number }>('select max(number) as last from job where tenant_id = $1', [TENANT]);
      const mine = rows[0]!.last;
      expect(number).toBeLessThan(mine);
      for (const id of [mine, 999_999]) {
        const { status, body } = await ask(id, OTHER_TENANT);
        expect([status, body]).toEqual([404, { detail: expect.stringContaining(String(id)) }]);
      }
    },
  );

  it('should cancel a job that waits or runs, and none that is over [003:endpoint-jobs-cancel,error-cancel-400]', async () => {
    const { id } = (await create()).body;
    const { status, body } = await send(`POST /api/v1/jobs/${id}/cancel/`);
    expect([status, body.id, body.status]).toEqual([200, id, 'cancelled']);
    const { id: done } = (await create()).body;
    await drive(done, { status: 'running' });
    await drive(done, { status: 'completed', result: {} });
    for (const over of [id, done]) {
      const refused = await send<Failed>(`POST /api/v1/jobs/${over}/cancel`);
      expect([refused.status, refused.body]).toEqual([400, { detail: expect.any(String) }]);
    }
  });

  it('should show a job that its worker still stops as cancelled', async () => {
    const worker = await new HttpWorker(api).register();
    const { id } = (await create()).body;
    let claimed = await worker.claim();
    const wanted = (await nativeOf(id)).id;
    while (claimed && claimed.jobId !== wanted) claimed = await worker.claim();
    expect((await send(`GET /api/v1/jobs/${id}`)).body.status).toBe('running');
    expect((await send(`POST /api/v1/jobs/${id}/cancel`)).body.status).toBe('cancelled');
    expect((await send(`POST /api/v1/jobs/${id}/cancel`)).status).toBe(400);
    expect((await nativeOf(id)).status).toBe('running');
    for (const status of ['running', 'cancelled']) {
      const { body } = await send<PageOf<ManagerJob>>(`GET /api/v1/jobs?page_size=100&status=${status}`);
      expect(new Set(body.items.map((job) => job.status))).toEqual(new Set(body.total > 0 ? [status] : []));
      expect([body.total, body.items.some((job) => job.id === id)]).toEqual([
        body.items.length,
        status === 'cancelled',
      ]);
    }
  });
});

describe('GET /api/v1/jobs/', () => {
  it('should list pages, by status where asked [003:endpoint-jobs-list,job-filter]', async () => {
    const { id } = (await create()).body;
    await send(`POST /api/v1/jobs/${id}/cancel`);
    const { body } = await send<PageOf<ManagerJob>>('GET /api/v1/jobs/?status=cancelled&page_size=1');
    expect(body.items).toEqual([(await send(`GET /api/v1/jobs/${id}`)).body]);
    expect(body).toMatchObject({ page: 1, page_size: 1, pages: body.total });
    const all = await send<PageOf<ManagerJob>>('GET /api/v1/jobs');
    expect([all.body.items.length, all.body.items[0]?.id, all.body.page_size]).toEqual([10, id, 10]);
    expect(all.body.total).toBeGreaterThan(body.total);
    expect((await send('GET /api/v1/jobs?status=paused')).status).toBe(422);
  });

  it('should take larger pages than other lists [003:job-page]', async () => {
    for (const page of [1, 10_000_000]) {
      const { status, body } = await send<PageOf<ManagerJob>>(`GET /api/v1/jobs/?page=${page}&page_size=1000`);
      expect([status, body.page, body.page_size]).toEqual([200, page, 1000]);
    }
    expect((await send('GET /api/v1/jobs/?page_size=1001')).status).toBe(422);
  });
});

describe('/api/v1/config/', () => {
  const timed = (text: string, { created_at, updated_at }: ManagerConfig) =>
    text.replace(created_at, '2024-01-01T00:00:00Z').replace(updated_at, '2024-01-01T00:00:00Z');

  it('should answer as documented, with the workers there are [003:endpoint-config-get,example-config,config-workers]', async () => {
    const { pool } = api.app.get(Database);
    await pool.query('delete from worker');
    for (let count = 0; count < 2; count += 1) await new HttpWorker(api).register();
    const { status, text, body } = await send<ManagerConfig>('GET /api/v1/config/');
    expect([status, timed(text, body)]).toEqual([200, JSON.stringify(fixture('config.response'))]);
    await pool.query(`update worker set heartbeat_at = now() - interval '1 day'`);
    expect((await send<ManagerConfig>('GET /api/v1/config')).body.active_workers).toBe(0);
  });

  it('should give new jobs what they leave out, and leave others alone [003:endpoint-config-update,config-defaults]', async () => {
    const { id: earlier } = (await create({ batch_size: undefined })).body;
    const { status, body } = await send<ManagerConfig>('PATCH /api/v1/config/', fixture('config.request'));
    expect([status, body]).toMatchObject([200, fixture('config.request')]);
    const change = { default_model: 'tiny-text', default_training_type: 'standard', default_lora_dropout: 0.1 };
    await send('PATCH /api/v1/config', { ...change, default_epochs: 5, default_learning_rate: 0.001 });
    const { body: job } = await send('POST /api/v1/jobs', { name: 'By default', dataset_id: dataset.number });
    expect(job).toMatchObject({
      model_name: 'tiny-text',
      training_type: 'standard',
      batch_size: 8,
      learning_rate: 0.001,
      epochs: 5,
      lora_r: TRAINING_DEFAULTS.networkDim,
      lora_alpha: TRAINING_DEFAULTS.networkAlpha,
      lora_dropout: 0.1,
      description: null,
    });
    expect((await send(`GET /api/v1/jobs/${earlier}`)).body.batch_size).toBe(4);
  });

  it.each([1, 64])('should let a tenant have %p workers [003:range-max_concurrent_workers]', async (value) => {
    const { status, body } = await send<ManagerConfig>('PATCH /api/v1/config', { max_concurrent_workers: value });
    expect([status, body.max_concurrent_workers]).toEqual([200, value]);
  });

  it('should leave what is null, and its own age, as they were [003:config-age,null]', async () => {
    const before = (await send<ManagerConfig>('GET /api/v1/config')).body;
    const { status, body } = await send<ManagerConfig>('PATCH /api/v1/config', {
      default_model: null,
      default_epochs: 9,
    });
    expect([status, body.default_model, body.default_epochs]).toEqual([200, before.default_model, 9]);
    expect(body.created_at).toBe(before.created_at);
    expect(new Date(body.updated_at).getTime()).toBeGreaterThanOrEqual(new Date(before.updated_at).getTime());
  });

  it.each([
    { default_epochs: 0 },
    { default_epochs: 'three' },
    { max_concurrent_workers: 0 },
    { max_concurrent_workers: 65 },
    { auto_start_workers: 'yes' },
    { surprise: 1 },
  ])('should refuse %j [003:range-max_concurrent_workers,range-auto_start_workers,strict]', async (body) =>
    expect((await send('PATCH /api/v1/config', body)).status).toBe(422),
  );

  it('should take rag for a default', async () => {
    const { status, body } = await send<ManagerConfig>('PATCH /api/v1/config', { default_training_type: 'rag' });
    expect([status, body.default_training_type]).toEqual([200, 'rag']);
    expect((await create({ training_type: undefined })).body.training_type).toBe('rag');
  });
});
