import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { Dataset, Job } from '@influencerai/shared';
import sharp from 'sharp';
import { Database } from '../../src/database/database.js';
import { DatasetsRepository } from '../../src/datasets/datasets.repository.js';
import { DatasetsService } from '../../src/datasets/datasets.service.js';
import { HttpWorker, JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startReplica, startTestApp, TENANT, type TestApp, type TestResponse } from '../test-app.js';
import { RANGES } from './contract-000.js';

interface Submitted {
  success: boolean;
  job_id: string;
  status: string;
  message: string;
}

interface Failed {
  error: string;
  message: string;
  details?: string[];
}

const fixture = <T = Record<string, unknown>>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../src/dialects/submit/fixtures/${name}.json`, import.meta.url), 'utf8')) as T;

const REQUEST = fixture('submit.request');
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

let api: TestApp;
/** A dataset that everybody of the tenant may use. */
let datasetId: string;
let users = 0;

beforeAll(async () => {
  // As a laptop has it: nothing said about limits.
  api = await startTestApp({ env: { RATE_LIMITS: '', TRAINER_FALLBACK: 'tiny' } });
  datasetId = (await JobsFixture.create(api)).dataset.id;
  await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
});
afterAll(() => api.close());

/** Somebody who has asked for nothing yet. */
const newUser = (): string => `user-${(users += 1)}`;

/** As a client sends it: a bearer token and no tenant. */
const send = <T>(route: string, user: string | undefined, body?: unknown): Promise<TestResponse<T>> =>
  api.send<T>(route, { tenant: null, ...(user !== undefined && { key: user }), ...(body !== undefined && { body }) });

const submit = <T = Submitted>(change: object = {}, user = newUser()): Promise<TestResponse<T>> =>
  send<T>('POST /api/training/submit', user, { ...REQUEST, dataset_id: datasetId, ...change });

const withConfig = (change: object) => ({ config: { ...(REQUEST['config'] as object), ...change } });

const upload = async (user: string, name = 'a.png') => {
  const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'blue' } })
    .png()
    .toBuffer();
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(png)]), name);
  const response = await fetch(`${api.url}/api/datasets/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user}` },
    body: form,
  });
  return { status: response.status, body: (await response.json()) as { dataset_id: string } & Record<string, unknown> };
};

describe('POST /api/training/submit', () => {
  it('should answer a submission as documented [000:endpoint-submit,example-success]', async () => {
    const { status, text } = await submit();
    expect(status).toBe(200);
    const [id] = text.match(UUID) ?? [];
    const expected = JSON.stringify(fixture('submit.response')).replaceAll(UUID, String(id));
    expect(text).toBe(expected);
  });

  it('should name every field that is out of range [000:example-validation]', async () => {
    const { status, body } = await submit(withConfig({ batch_size: 9, resolution: 500 }));
    expect([status, body]).toEqual([400, fixture('validation-error.response')]);
  });

  it.each(RANGES)(
    'should hold $parameter within its bounds [000:range-$parameter]',
    async ({ parameter, min, max, beyond, sentence, fallback }) => {
      for (const value of [min, max]) {
        expect((await submit(withConfig({ [parameter]: value }))).status).toBe(200);
      }
      for (const value of [...beyond, String(min), [min]]) {
        const { status, body } = await submit<Failed>(withConfig({ [parameter]: value }));
        expect([value, status, body.details]).toEqual([value, 400, [sentence]]);
      }
      const user = newUser();
      const { body } = await submit({ config: {} }, user);
      const config = await send<{ config: object }>(`GET /public/training/configs/${body.job_id}.json`, user);
      expect(config.body.config).toMatchObject({ [parameter]: fallback });
    },
  );

  it.each([
    ['dataset_id', 'dataset_id is required'],
    ['type', 'type must be one of: lora, dreambooth'],
    ['base_model', 'base_model must be a Hugging Face model ID (namespace/model-name)'],
    ['config', 'config is required'],
  ])('should ask for %s [000:required]', async (field, sentence) => {
    const { status, body } = await submit<Failed>({ [field]: undefined });
    expect([status, body]).toEqual([
      400,
      { error: 'Validation error', message: 'Request validation failed', details: [sentence] },
    ]);
  });

  it('should do without a name and trigger words [000:optional]', async () => {
    expect((await submit({ name: undefined, trigger_words: undefined })).status).toBe(200);
  });

  it.each([
    [null, null],
    ['', []],
    ['  ', ['']],
    ['', ['', ' ']],
  ])('should read the name %j and the trigger words %j as left out [000:blank]', async (name, trigger_words) => {
    const user = newUser();
    const config = Object.fromEntries(RANGES.map(({ parameter }) => [parameter, null]));
    const configOf = async (change: object) => {
      const { status, body } = await submit(change, user);
      expect([status, body]).toEqual([200, expect.anything()]);
      const stored = await send<object>(`GET /public/training/configs/${body.job_id}.json`, user);
      return { ...stored.body, job_id: null };
    };
    const leftOut = await configOf({ name: undefined, trigger_words: undefined, config: {} });
    expect(await configOf({ name, trigger_words, config })).toEqual(leftOut);
    expect(await configOf({ name, trigger_words: [...(trigger_words ?? []), 'my-style'], config })).toEqual({
      ...leftOut,
      trigger_words: ['my-style'],
    });
  });

  it.each([
    [{ name: 7 }, 'name must be'],
    [{ trigger_words: 'my-style' }, 'trigger_words must be'],
    [{ trigger_words: ['two\nlines'] }, 'trigger_words must be'],
    [{ surprise: 1 }, 'surprise: Unknown field.'],
    [withConfig({ surprise: 1 }), 'config.surprise: Unknown field.'],
  ])('should refuse %j', async (change, sentence) => {
    const { status, body } = await submit<Failed>(change);
    expect([status, body.details]).toEqual([400, [expect.stringContaining(sentence)]]);
  });

  it.each([
    'stabilityai/sdxl-base-1.0',
    'runwayml/stable-diffusion-v1-5',
    'timbrooks/instruct-pix2pix',
    'username/model-name',
  ])('should take the model id %s [000:model-ids]', async (base_model) => {
    expect((await submit({ base_model })).status).toBe(200);
  });

  it.each(['sdxl-base', 'https://huggingface.co/model', 'model-name', 'a/b/c', '../x', '-a/b', '', 7])(
    'should refuse the model id %s [000:model-ids]',
    async (base_model) => {
      const { status, body } = await submit<Failed>({ base_model });
      expect([status, body.details]).toEqual([
        400,
        ['base_model must be a Hugging Face model ID (namespace/model-name)'],
      ]);
    },
  );

  it.each(['lora', 'dreambooth'])('should train %s [000:types]', async (type) => {
    const user = newUser();
    const { body } = await submit({ type }, user);
    const config = await send(`GET /public/training/configs/${body.job_id}.json`, user);
    expect(config.body).toMatchObject({ type });
    const { rows } = await api.app.get(Database).pool.query('select spec from job where id = $1', [body.job_id]);
    expect(rows[0]?.spec.extra).toEqual(type === 'lora' ? {} : { method: 'dreambooth' });
  });

  it('should say that a body is no JSON [000:error-400]', async () => {
    const { status, body } = await send('POST /api/training/submit', newUser(), '{"dataset_id":');
    expect([status, body]).toEqual([400, { error: 'Invalid Request', message: 'The request body is not valid JSON.' }]);
  });

  it('should refuse another method in its own words', async () => {
    const { status, headers, body } = await send('GET /api/training/submit', newUser());
    expect([status, headers.get('allow'), body]).toEqual([
      405,
      'POST',
      { error: 'Method Not Allowed', message: 'Cannot GET /api/training/submit. Allowed here: POST.' },
    ]);
  });

  it('should ask for a token [000:error-401]', async () => {
    const body = { error: 'Unauthorized', message: 'Missing or invalid authentication token' };
    for (const route of [
      'POST /api/training/submit',
      'POST /api/datasets/upload',
      'GET /public/training/outputs/x',
      'GET /public/training/outputs/x/y',
      'GET /public/training/configs/x.json',
    ]) {
      const answer = await send(route, undefined);
      expect([route, answer.status, answer.body]).toEqual([route, 401, body]);
    }
  });

  it("should refuse another user's dataset [000:error-403]", async () => {
    const { body: uploaded } = await upload('ada');
    const { status, body } = await submit<Failed>({ dataset_id: uploaded.dataset_id }, 'bob');
    expect([status, body]).toEqual([403, { error: 'Forbidden', message: 'Dataset belongs to different user' }]);
    expect((await submit({ dataset_id: uploaded.dataset_id }, 'ada')).status).toBe(200);
  });

  it("should not find an unknown dataset, nor another tenant's [000:error-404]", async () => {
    const { dataset } = await JobsFixture.create(api, OTHER_TENANT);
    for (const dataset_id of ['abc123def456', '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d', dataset.id]) {
      const { status, body } = await submit<Failed>({ dataset_id });
      expect([status, body]).toEqual([404, { error: 'Not Found', message: `Dataset ${dataset_id} not found` }]);
    }
  });

  it('should refuse a dataset that is not ready, or holds texts [000:error-dataset]', async () => {
    const { body: failed } = await upload('ada');
    await api.send(`PATCH /datasets/${failed.dataset_id}/status`, { body: { status: 'failed' } });
    const { body: texts } = await api.send<Dataset>('POST /datasets/texts', { body: { texts: ['one'] } });
    for (const dataset_id of [failed.dataset_id, texts.id]) {
      const { status, body } = await submit<Failed>({ dataset_id }, 'ada');
      expect([status, body]).toEqual([400, { error: 'Invalid Request', message: expect.stringContaining(dataset_id) }]);
    }
  });

  it('should wait for a dataset that is still looked through [000:large-dataset]', async () => {
    const { body: uploaded } = await upload('ada');
    const set = (status: string) => api.send(`PATCH /datasets/${uploaded.dataset_id}/status`, { body: { status } });
    await set('processing');
    const looks = jest.spyOn(api.app.get(DatasetsRepository), 'findById');
    const submitted = submit({ dataset_id: uploaded.dataset_id }, 'ada');
    const hasLookedTwice = () => looks.mock.calls.filter(([, id]) => id === uploaded.dataset_id).length >= 2;
    await waitUntil(hasLookedTwice, { timeoutMs: 20_000, what: 'a second look at the dataset' });
    looks.mockRestore();
    await set('ready');
    expect((await submitted).status).toBe(200);
  });

  it('should make no job for a client that has hung up meanwhile', async () => {
    const { body: uploaded } = await upload('ada');
    await api.send(`PATCH /datasets/${uploaded.dataset_id}/status`, { body: { status: 'processing' } });
    const replica = await startReplica(api, { DATASET_PATIENCE_MS: '5000' });
    try {
      const waits = jest.spyOn(replica.app.get(DatasetsService), 'untilReady');
      const client = new AbortController();
      const answer = fetch(`${replica.url}/api/training/submit`, {
        method: 'POST',
        headers: { authorization: 'Bearer ada', 'content-type': 'application/json' },
        body: JSON.stringify({ ...REQUEST, dataset_id: uploaded.dataset_id }),
        signal: client.signal,
      });
      await waitUntil(() => waits.mock.calls.length > 0, { timeoutMs: 20_000, what: 'the wait for the dataset' });
      client.abort();
      await expect(answer).rejects.toThrow();
      await expect(waits.mock.results[0]?.value).rejects.toMatchObject({ code: 'dataset_not_ready' });
    } finally {
      await replica.close();
    }
  });

  it('should not wait for ever [000:error-dataset,large-dataset]', async () => {
    const { body: uploaded } = await upload('ada');
    await api.send(`PATCH /datasets/${uploaded.dataset_id}/status`, { body: { status: 'pending' } });
    const hasty = await startReplica(api, { DATASET_PATIENCE_MS: '50' });
    const body = { ...REQUEST, dataset_id: uploaded.dataset_id };
    const answer = await hasty.send('POST /api/training/submit', { tenant: null, key: 'ada', body });
    await hasty.close();
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('is pending')]);
  });

  it('should refuse the 11th request of a user within a minute and say when to come again [000:error-429,rate-per-user]', async () => {
    const user = newUser();
    for (let count = 1; count <= 10; count += 1) expect((await submit({ type: 'none' }, user)).status).toBe(400);
    const changedAt = Date.now();
    // As if the window had begun 20 seconds ago.
    await api.app
      .get(Database)
      .pool.query(`update rate_count set ends_at = now() + interval '40 seconds' where key = $1`, [
        `submit:${TENANT}/${user}`,
      ]);
    const { status, headers, body } = await submit<Failed>({}, user);
    expect(status).toBe(429);
    const passedS = (Date.now() - changedAt) / 1000;
    const retryAfterS = Number(headers.get('retry-after'));
    expect(retryAfterS).toBeLessThanOrEqual(40);
    expect(retryAfterS).toBeGreaterThanOrEqual(40 - passedS);
    expect(body).toEqual({ error: 'Rate Limited', message: expect.stringContaining('10 requests') });
    expect((await submit()).status).toBe(200);
  });

  it('should let two jobs of a user run and start the third when one ends [000:two-running]', async () => {
    const user = newUser();
    const answers = [await submit({}, user), await submit({}, user), await submit({}, user)];
    expect(answers.map(({ body }) => body.status)).toEqual(['running', 'running', 'queued']);
    expect(answers[2]?.body.message).toBe(`Training job ${answers[2]?.body.job_id} queued`);
    expect((await submit({}, newUser())).body.status).toBe('running');
    const [first, , third] = answers.map(({ body }) => body.job_id);
    const waiting = await api.send<Job>(`GET /jobs/${third}`);
    expect(waiting.body.waitingReason).toContain("user's limit of 2");
    await api.send(`POST /jobs/${first}/cancel`);
    const isAdmitted = async () => (await api.send<Job>(`GET /jobs/${third}`)).body.status === 'pending';
    await waitUntil(isAdmitted, { timeoutMs: 20_000, what: 'the third job to start' });
  });

  it('should answer a repeated submission as it answered the first', async () => {
    const user = newUser();
    const again = () =>
      api.send<Submitted>('POST /api/training/submit', {
        tenant: null,
        key: user,
        headers: { 'idempotency-key': `again-${user}` },
        body: { ...REQUEST, dataset_id: datasetId },
      });
    const [first, second] = [await again(), await again()];
    expect([second.status, second.text]).toEqual([200, first.text]);
  });
});

describe('POST /api/datasets/upload', () => {
  it('should make a dataset of pictures that can be trained on [000:endpoint-upload,workflow]', async () => {
    const user = newUser();
    const { status, body } = await upload(user);
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        dataset_id: expect.stringMatching(UUID),
        status: 'ready',
        message: `Dataset ${body.dataset_id} ready`,
      },
    ]);
    const submitted = await submit({ dataset_id: body.dataset_id }, user);
    expect(submitted.body.status).toBe('running');
    const { rows } = await api.app
      .get(Database)
      .pool.query('select dataset_id, user_id, status from training_jobs where id = $1', [submitted.body.job_id]);
    expect(rows).toEqual([{ dataset_id: body.dataset_id, user_id: user, status: 'pending' }]);
  });

  it('should refuse a form without files', async () => {
    const { status, body } = await upload(newUser(), 'notes.md');
    expect([status, body]).toEqual([
      400,
      {
        error: 'Validation error',
        message: 'Request validation failed',
        details: [expect.stringContaining('files: Holds nothing')],
      },
    ]);
  });
});

describe('results', () => {
  it('should list and hand out what a job has made, and its configuration [000:endpoint-outputs,endpoint-config,outputs-token]', async () => {
    const user = newUser();
    const { job_id } = (await submit({}, user)).body;
    // Nobody else's jobs stand before it.
    await api.app.get(Database).pool.query(`update job set priority = 100 where id = $1`, [job_id]);
    const worker = await new HttpWorker(api).register();
    const claimed = await worker.claim();
    expect(claimed?.jobId).toBe(job_id);
    const put = await fetch(`${api.url}/jobs/${job_id}/artifacts/lora.safetensors?attempt=1&kind=lora`, {
      method: 'PUT',
      headers: { 'x-tenant-id': TENANT, 'content-type': 'application/octet-stream' },
      body: 'weights',
    });
    expect(put.status).toBe(200);

    for (const path of [`/public/training/outputs/${job_id}`, `/public/training/outputs/${job_id}/`]) {
      const listing = await send<{ files: { url: string }[] }>(`GET ${path}`, user);
      expect([listing.status, listing.body]).toEqual([
        200,
        {
          job_id,
          status: 'running',
          files: [
            {
              name: 'lora.safetensors',
              size: 7,
              sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
              url: `/public/training/outputs/${job_id}/lora.safetensors`,
              created_at: expect.stringMatching(/^\d{4}-.*Z$/),
            },
          ],
        },
      ]);
    }
    const file = `GET /public/training/outputs/${job_id}/lora.safetensors`;
    const config = `GET /public/training/configs/${job_id}.json`;
    expect((await send(file, user)).text).toBe('weights');
    expect((await send(config, user)).body).toEqual({ job_id, ...REQUEST, dataset_id: datasetId });
    for (const route of [file, config]) {
      expect((await send(route, undefined)).status).toBe(401);
      expect((await send(route, 'somebody-else')).status).toBe(403);
      expect((await api.send(route, { tenant: OTHER_TENANT, key: user })).status).toBe(404);
    }
    expect((await send(`GET /public/training/configs/${job_id}`, user)).status).toBe(404);
  });
});

describe('training_jobs', () => {
  it('should have the columns that its readers know [000:table]', async () => {
    const { rows } = await api.app.get(Database).pool.query(
      `select column_name as name, data_type as type from information_schema.columns
        where table_name = 'training_jobs' order by ordinal_position`,
    );
    expect(rows.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id uuid',
      'user_id text',
      'dataset_id uuid',
      'name text',
      'type text',
      'base_model text',
      'config jsonb',
      'trigger_words ARRAY',
      'status text',
      'container_id text',
      'error_message text',
      'created_at timestamp without time zone',
      'updated_at timestamp without time zone',
      'started_at timestamp without time zone',
      'completed_at timestamp without time zone',
    ]);
  });

  it('should show a job as it was submitted, and its end [000:table,statuses]', async () => {
    const user = newUser();
    const { job_id } = (await submit({}, user)).body;
    const { pool } = api.app.get(Database);
    const row = async () => (await pool.query('select * from training_jobs where id = $1', [job_id])).rows[0];
    expect(await row()).toMatchObject({
      user_id: user,
      dataset_id: datasetId,
      name: 'My First LoRA',
      type: 'lora',
      base_model: REQUEST['base_model'],
      config: REQUEST['config'],
      trigger_words: ['my-style'],
      status: 'pending',
      container_id: null,
      error_message: null,
      started_at: null,
      completed_at: null,
    });
    for (const status of ['running', 'failed']) {
      await api.send(`PATCH /jobs/${job_id}`, {
        body: { status, ...(status === 'failed' && { result: { error: 'Out of memory.' } }) },
      });
      expect(await row()).toMatchObject({ status });
    }
    expect(await row()).toMatchObject({ error_message: 'Out of memory.', completed_at: expect.any(Date) });
  });

  it('should show every status in its words, and what was left out [000:table,statuses,optional]', async () => {
    const user = newUser();
    const { pool } = api.app.get(Database);
    const row = async (id: string) => (await pool.query('select * from training_jobs where id = $1', [id])).rows[0];
    const jobs: string[] = [];
    for (const type of ['dreambooth', 'lora', 'lora']) {
      jobs.push((await submit({ type, name: undefined, trigger_words: undefined }, user)).body.job_id);
    }
    const [first, second, third] = jobs as [string, string, string];
    expect(await row(first)).toMatchObject({ type: 'dreambooth', name: expect.stringMatching(/./), trigger_words: [] });
    expect(await row(third)).toMatchObject({ type: 'lora', status: 'queued', container_id: null });
    await api.send(`POST /jobs/${third}/cancel`);
    expect(await row(third)).toMatchObject({ status: 'failed', error_message: 'Cancelled.' });
    await api.send(`PATCH /jobs/${second}`, { body: { status: 'running' } });
    expect(await row(second)).toMatchObject({
      status: 'running',
      container_id: `training-${second}`,
      started_at: expect.any(Date),
    });
    await api.send(`PATCH /jobs/${second}`, { body: { status: 'completed', result: {} } });
    expect(await row(second)).toMatchObject({ status: 'completed', error_message: null });
  });

  it('should find the newest jobs, and those of a user, by an index [000:table]', async () => {
    const { job_id } = (await submit()).body;
    const client = await api.app.get(Database).pool.connect();
    const planOf = async (rest: string) => {
      const { rows } = await client.query<Record<string, string>>(
        `explain select id from training_jobs ${rest} limit 9`,
      );
      return rows.flatMap(Object.values<string>).join('\n');
    };
    try {
      await client.query('begin');
      await client.query(
        `insert into job select (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'number', j.number + 1000 * n,
          'output_dir', 'many/' || n, 'user_id', 'user-' || n % 100, 'created_at', now() - n * interval '1 minute'))).*
         from job j cross join generate_series(1, 1000) n where j.id = $1`,
        [job_id],
      );
      await client.query('analyze job');
      await client.query(`set local role influencerai_tenant`);
      await client.query(`select set_config('app.tenant_id', $1, true)`, [TENANT]);
      expect(await planOf(`where user_id = 'user-7' order by created_at desc`)).toMatch(
        /^Limit.*\n.*Index Scan using job_by_user .*\n.*Index Cond: .*'user-7'/,
      );
      expect(await planOf('order by created_at desc')).toMatch(/^Limit.*\n.*Index Scan using job_by_creation /);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  it("should show no row of another tenant to a tenant's role", async () => {
    const { pool } = api.app.get(Database);
    const client = await pool.connect();
    try {
      await client.query('begin; set local role influencerai_tenant');
      await client.query(`select set_config('app.tenant_id', $1, true)`, [OTHER_TENANT]);
      expect((await client.query('select 1 from training_jobs')).rows).toEqual([]);
      await client.query(`select set_config('app.tenant_id', $1, true)`, [TENANT]);
      expect((await client.query('select 1 from training_jobs')).rows).not.toEqual([]);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
