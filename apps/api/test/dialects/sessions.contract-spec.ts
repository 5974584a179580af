import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { Dataset, Job, Page } from '@influencerai/shared';
import sharp from 'sharp';
import { Database } from '../../src/database/database.js';
import { Dispatcher } from '../../src/dispatcher/dispatcher.js';
import { HttpWorker, JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startReplica, startTestApp, TENANT, type TestApp, type TestResponse } from '../test-app.js';
import { startTokenApp } from '../token-app.js';

interface Status {
  session_id: string;
  job_id: string;
  status: string;
  current_step: number;
  completed_steps: number;
  allowed_steps: number;
  finished: boolean;
  remaining_steps: number;
  last_checkpoint_step: number | null;
  last_checkpoint_path: string | null;
}

interface Failed {
  detail: string | { loc: (string | number)[]; msg: string; type: string }[];
}

const fixture = <T = Record<string, unknown>>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../src/dialects/sessions/fixtures/${name}.json`, import.meta.url), 'utf8')) as T;

const REQUEST = fixture<{ config: { config: { process: [{ datasets: [{ folder_path: string }] }] } } }>(
  'create.request',
);
const [PROCESS] = REQUEST.config.config.process;

let api: TestApp;
let folder: string;
let names = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessions-'));
  const MODELS_FILE = join(folder, 'models.yaml');
  await writeFile(MODELS_FILE, 'models: { house: { trainer: kohya, family: sdxl, model: house.safetensors } }');
  api = await startTestApp({
    env: { TRAINER_FALLBACK: 'tiny', MAX_EVENT_STREAMS: '2', SWEEP_MS: '86400000', MODELS_FILE },
  });
  await putPictures(api.folderOf(TENANT), 'dataset');
  await send('GET /sessions');
  await run('update tenant set max_concurrent_jobs = 1000 where id = $1', [TENANT]);
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

/** A folder with a picture and its caption. */
async function putPictures(root: string, name: string): Promise<void> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  const picture = sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } });
  await writeFile(join(folder, 'a.png'), await picture.png().toBuffer());
  await writeFile(join(folder, 'a.txt'), 'a red square');
}

/** As a client sends it: without a tenant. */
const send = <T = Status>(route: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.send<T>(route, { tenant: null, headers, ...(body !== undefined && { body }) });

const withProcess = (change: object) => {
  const process = [{ ...PROCESS, ...change }];
  return { config: { ...REQUEST.config, config: { ...REQUEST.config.config, process } } };
};

const withFolder = (folder_path: string) => withProcess({ datasets: [{ ...PROCESS.datasets[0], folder_path }] });

const create = <T = Status>(change: object = {}): Promise<TestResponse<T>> =>
  send<T>('POST /sessions', { ...REQUEST, sessionId: `session-${(names += 1)}`, ...change });

const start = async (change: object = {}): Promise<Status> => {
  const { status, body, text } = await create(change);
  if (status !== 201) throw new Error(text);
  return body;
};

const read = async (id: string): Promise<Status> => (await send(`GET /sessions/${id}`)).body;

const run = (text: string, values: unknown[] = []) => api.app.get(Database).pool.query(text, values);

/** Claims exactly this job, whatever else waits, and speaks for its worker. */
async function claim(jobId: string) {
  await api.app.get(Dispatcher).sweep();
  await run(`update job set status = 'cancelled', finished_at = now() where status = 'pending' and id <> $1`, [jobId]);
  const worker = await new HttpWorker(api).register();
  const job = await worker.claim();
  if (job?.jobId !== jobId) throw new Error(`Got ${job?.jobId} in place of ${jobId}.`);
  const report = (body: object) => api.send(`PATCH /jobs/${jobId}`, { body: { attempt: job.attempt, ...body } });
  let seq = 0;
  const print = (...texts: string[]) => {
    const lines = texts.map((text) => ({ seq: seq++, stream: 'stdout', text, at: new Date().toISOString() }));
    return api.send(`POST /jobs/${jobId}/logs`, { body: { attempt: job.attempt, lines } });
  };
  const save = async (step: number) => {
    const name = `my-lora-run-step-${step}.safetensors`;
    const response = await fetch(
      `${api.url}/jobs/${jobId}/artifacts/${name}?attempt=${job.attempt}&kind=checkpoint&step=${step}`,
      {
        method: 'PUT',
        headers: { 'x-tenant-id': TENANT, 'content-type': 'application/octet-stream' },
        body: 'weights',
      },
    );
    if (!response.ok) throw new Error(await response.text());
  };
  return { worker, attempt: job.attempt, report, print, save };
}

describe('POST /sessions', () => {
  it('should answer the documented request [004:endpoint-create,example-create,waits]', async () => {
    const { status, body } = await send<Status>('POST /sessions', REQUEST);
    const when = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect([status, body]).toEqual([
      201,
      { ...fixture('create.response'), job_id: expect.any(String), created_at: when, updated_at: when },
    ]);
    expect(Object.keys(body)).toEqual(Object.keys(fixture('create.response')));
    const job = await api.send<Job>(`GET /jobs/${body.job_id}`);
    expect(job.body).toMatchObject({ status: 'queued', trainer: 'tiny', payload: { name: 'my_lora_run' } });
    const { rows } = await run('select spec from job where id = $1', [body.job_id]);
    expect(rows[0]).toMatchObject({
      spec: {
        requestedTrainer: 'ai-toolkit',
        baseModel: 'black-forest-labs/FLUX.1-dev',
        training: { maxSteps: 2000, batchSize: 1 },
        dataset: { path: 'data/dataset', examples: 1 },
      },
    });
  });

  it.each([
    ['black-forest-labs/FLUX.1-dev', 'ai-toolkit', 'the trainer of this contract'],
    ['tiny-image', 'tiny', 'the built-in trainer, for its own models'],
    ['house', 'kohya', 'what the operator has set it up for'],
  ])('should train %s with %s: %s', async (name_or_path, trainer) => {
    const { job_id } = await start(withProcess({ model: { name_or_path } }));
    const { rows } = await run('select spec from job where id = $1', [job_id]);
    expect(rows[0]).toMatchObject({ spec: { requestedTrainer: trainer, trainer: 'tiny' } });
  });

  it('should register a folder once, however it is written [004:dataset]', async () => {
    await putPictures(api.folderOf(TENANT), 'sets/written');
    for (const path of ['/data/sets/written', 'data/sets/written', '/data/sets/written/']) {
      expect((await create(withFolder(path))).status).toBe(201);
    }
    const { body } = await api.send<Dataset[]>('GET /datasets?take=100');
    expect(body.filter(({ path }) => path.startsWith('data/sets/written')).map(({ path }) => path)).toEqual([
      'data/sets/written',
    ]);
  });

  it('should use a dataset that is registered [004:dataset]', async () => {
    await putPictures(api.folderOf(TENANT), 'sets/known');
    const { body } = await api.send<Dataset>('POST /datasets', {
      body: { kind: 'lora-training', path: 'data/sets/known' },
    });
    const { job_id } = await start(withFolder('/data/sets/known'));
    const job = await api.send<Job>(`GET /jobs/${job_id}`);
    expect(job.body.payload['datasetId']).toBe(body.id);
  });

  it('should take a large folder once it is looked through [004:large-dataset]', async () => {
    await putPictures(api.folderOf(TENANT), 'sets/large');
    const replica = await startReplica(api, { TRAINER_FALLBACK: 'tiny', SMALL_DATASET_FILES: '0' });
    const body = { ...REQUEST, ...withFolder('/data/sets/large'), sessionId: 'large' };
    const answer = await replica.send('POST /sessions', { tenant: null, body });
    await replica.close();
    expect([answer.status, answer.text]).toEqual([201, expect.stringContaining('"large"')]);
  });

  it.each([
    ['/data/nothing', 'No folder or file is at data/nothing.'],
    ['/etc', 'Must start with "data/"'],
    ['/data/../etc', '".." is not allowed'],
    ['output', 'Must start with "data/"'],
  ])('should refuse the folder %s and say why [004:error-400,dataset]', async (folder, says) => {
    const before = await api.send<Page<Job>>('GET /jobs');
    const { status, body } = await create<Failed>(withFolder(folder));
    expect([status, body]).toEqual([400, { detail: expect.stringContaining(says) }]);
    expect(body.detail).toContain('config.config.process.0.datasets.0.folder_path: ');
    expect((await api.send<Page<Job>>('GET /jobs')).body.total).toBe(before.body.total);
  });

  it('should refuse a folder of which nothing can be trained on, until that changes [004:error-400]', async () => {
    const folder = join(api.folderOf(TENANT), 'sets/broken');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a.png'), 'no picture');
    const refused = await create<Failed>(withFolder('/data/sets/broken'));
    expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining('Cannot be trained on.')]);
    await putPictures(api.folderOf(TENANT), 'sets/broken');
    expect((await create(withFolder('/data/sets/broken'))).status).toBe(201);
  });

  it('should refuse a name that another session has, until that is deleted [004:error-409]', async () => {
    await start({ sessionId: 'twice' });
    const { status, body } = await create<Failed>({ sessionId: 'twice' });
    expect([status, body]).toEqual([409, { detail: "A session with the name 'twice' already exists." }]);
    expect((await send('DELETE /sessions/twice')).status).toBe(204);
    await start({ sessionId: 'twice' });
  });

  it('should choose a name where there is none', async () => {
    const { session_id, job_id } = await start({ sessionId: undefined });
    expect(session_id).toBe(job_id);
    expect((await read(session_id)).job_id).toBe(job_id);
  });

  it('should answer a repeated creation as it answered the first', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { ...REQUEST, sessionId: 'again' };
    const [first, second] = [await send('POST /sessions', body, headers), await send('POST /sessions', body, headers)];
    expect([second.status, second.text]).toEqual([201, first.text]);
    const other = await send<Failed>('POST /sessions', { ...body, maxSteps: 5 }, headers);
    expect([other.status, other.body]).toEqual([422, { detail: expect.any(String) }]);
  });

  it.each([
    [{ sessionId: '../x' }, ['body', 'sessionId'], 'value_error'],
    [{ maxSteps: 0 }, ['body', 'maxSteps'], 'value_error'],
    [{ maxSteps: 'five' }, ['body', 'maxSteps'], 'value_error'],
    [{ config: undefined }, ['body', 'config'], 'missing'],
    [{ config: { ...REQUEST.config, job: 'extract' } }, ['body', 'config', 'job'], 'value_error'],
    [{ surprise: 1 }, ['body', 'surprise'], 'extra_forbidden'],
  ])('should refuse %j [004:error-422,strict]', async (change, loc, type) => {
    const { status, body } = await create<Failed>(change);
    expect([status, body]).toEqual([422, { detail: [{ loc, msg: expect.any(String), type }] }]);
  });

  it('should ignore what it does not know in a query [004:queries]', async () => {
    const { session_id } = await start();
    for (const path of ['/sessions', `/sessions/${session_id}/logs`])
      expect((await send(`GET ${path}?surprise=1`)).status).toBe(200);
  });

  it('should know its fields by their names in Python, too [004:snake-case]', async () => {
    const body = { config: REQUEST.config, session_id: 'snake', max_steps: 5 };
    expect((await send('POST /sessions', body)).body).toMatchObject({ session_id: 'snake', max_steps: 5 });
  });

  it('should ignore keys that ai-toolkit does not know, and no others [004:config]', async () => {
    const { status } = await create(withProcess({ device: 'cuda:1', train: { steps: 10, mixed_precision: 'bf16' } }));
    expect(status).toBe(201);
    const { body } = await create<Failed>(withProcess({ train: { steps: 10, train_turbo: true } }));
    const loc = ['body', 'config', 'config', 'process', 0, 'train', 'train_turbo'];
    expect(body).toEqual({ detail: [{ loc, msg: expect.any(String), type: 'extra_forbidden' }] });
  });

  it.each(['stock-flux', 'stock-start-page'])(
    'should take the configuration %s as it stands [004:stock-configs]',
    async (name) => {
      const { status, body } = await send<Status>('POST /sessions', fixture(`${name}.request`));
      expect([status, body.session_id]).toEqual([201, name]);
    },
  );

  it('should read null as left out [004:null]', async () => {
    const change = withProcess({ network: null, sample: null, trigger_word: null });
    const { status, body } = await send<Status>('POST /sessions', { ...change, sessionId: null, maxSteps: null });
    expect([status, body.session_id]).toEqual([201, body.job_id]);
  });

  it('should take JSON alone [004:error-422]', async () => {
    const headers = { 'content-type': 'application/yaml' };
    const response = await fetch(`${api.url}/sessions`, { method: 'POST', headers, body: 'config: {}' });
    expect([response.status, await response.json()]).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.stringContaining('application/json'), type: 'value_error' }] },
    ]);
  });

  it('should refuse what is no JSON [004:error-422]', async () => {
    const { status, body } = await send<Failed>('POST /sessions', '{');
    expect([status, body]).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.any(String), type: 'json_invalid' }] },
    ]);
  });
});

describe('GET /sessions', () => {
  it('should list the sessions of the tenant, newest first, those of other faces too [004:endpoint-list]', async () => {
    const fixture = await JobsFixture.create(api, TENANT);
    const native = await api.send<Job>('POST /jobs', { body: { ...fixture.submission, session: { maxSteps: 5 } } });
    const { session_id } = await start();
    const { status, body, headers } = await send<Status[]>('GET /sessions');
    expect(status).toBe(200);
    expect(body.slice(0, 2).map((session) => session.session_id)).toEqual([session_id, native.body.id]);
    expect(headers.get('x-total-count')).toBe(String(body.length));
    expect((await send<Status[]>('GET /sessions?limit=1&offset=1')).body).toEqual([body[1]]);
    expect((await api.send<Status[]>('GET /sessions', { tenant: OTHER_TENANT })).body).toEqual([]);
    const refused = await send<Failed>('GET /sessions?limit=0');
    expect([refused.status, refused.body.detail]).toEqual([
      422,
      [{ loc: ['query', 'limit'], msg: expect.any(String), type: 'value_error' }],
    ]);
  });
});

describe('POST /sessions/{id}/steps', () => {
  it('should count what is granted, done and saved [004:endpoint-steps,endpoint-get,field-current,field-allowed,field-remaining,field-checkpoint]', async () => {
    const { session_id, job_id } = await start();
    const { status, body } = await send(`POST /sessions/${session_id}/steps`, { steps: 100 });
    expect([status, body]).toEqual([200, expect.objectContaining({ status: 'initializing', allowed_steps: 100 })]);
    const { report, save } = await claim(job_id);
    await report({ steps: 60 });
    expect(await read(session_id)).toMatchObject({
      ...{ status: 'running', current_step: 60, completed_steps: 60, allowed_steps: 100, remaining_steps: 40 },
      ...{ last_checkpoint_step: null, last_checkpoint_path: null },
    });
    await save(100);
    await report({ steps: 100 });
    expect(await read(session_id)).toMatchObject({
      ...{ status: 'paused', current_step: 100, completed_steps: 100, allowed_steps: 100, remaining_steps: 0 },
      ...{ last_checkpoint_step: 100, last_checkpoint_path: expect.stringMatching(/^data\/loras\/.*step-100\./) },
    });
    expect((await send(`POST /sessions/${session_id}/steps`, { steps: 50 })).body).toMatchObject({
      ...{ status: 'running', allowed_steps: 150, remaining_steps: 50 },
    });
  });

  it('should add up what ten clients grant at once [004:together]', async () => {
    const { session_id } = await start();
    const grants = Array.from({ length: 10 }, () => send(`POST /sessions/${session_id}/steps`, { steps: 7 }));
    expect((await Promise.all(grants)).map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(await read(session_id)).toMatchObject({ allowed_steps: 70, remaining_steps: 70 });
  });

  it('should grant once under one key', async () => {
    const { session_id } = await start();
    const headers = { 'idempotency-key': randomUUID() };
    for (let count = 0; count < 2; count += 1) {
      const { body } = await send(`POST /sessions/${session_id}/steps`, { steps: 7 }, headers);
      expect(body.allowed_steps).toBe(7);
    }
  });

  it('should grant no more than there are, and none when training is over [004:error-409]', async () => {
    const { session_id } = await start({ maxSteps: 10 });
    expect((await send(`POST /sessions/${session_id}/steps`, { steps: 20 })).body.allowed_steps).toBe(10);
    const fully = await send<Failed>(`POST /sessions/${session_id}/steps`, { steps: 1 });
    expect([fully.status, fully.body.detail]).toEqual([409, expect.stringContaining('All 10 steps')]);
    await send(`POST /sessions/${session_id}/abort`);
    const over = await send<Failed>(`POST /sessions/${session_id}/steps`, { steps: 1 });
    expect([over.status, over.body.detail]).toEqual([409, expect.stringContaining('takes no more steps')]);
  });

  it('should take text that says a number [004:numbers]', async () => {
    const { session_id } = await start({ maxSteps: '10' });
    const grant = async (steps: string) =>
      (await send(`POST /sessions/${session_id}/steps`, { steps })).body.allowed_steps;
    expect([await grant(' 4 '), await grant('100')]).toEqual([4, 10]);
  });

  it.each([{}, { steps: 0 }, { steps: -1 }, { steps: 1.5 }, { steps: 'many' }, { epochs: 1 }])(
    'should refuse %j [004:error-422]',
    async (body) => {
      const { session_id } = await start();
      const answer = await send<Failed>(`POST /sessions/${session_id}/steps`, body);
      expect([answer.status, Array.isArray(answer.body.detail)]).toEqual([422, true]);
      expect((await read(session_id)).allowed_steps).toBe(0);
    },
  );
});

describe('POST /sessions/{id}/abort', () => {
  it('should ask the worker to save and stop, and say when it has [004:endpoint-abort,abort-saves,field-finished]', async () => {
    const { session_id, job_id } = await start();
    await send(`POST /sessions/${session_id}/steps`, { steps: 100 });
    const { worker, attempt, report, save } = await claim(job_id);
    const { status, body } = await send(`POST /sessions/${session_id}/abort`);
    expect([status, body.status]).toEqual([202, 'aborting']);
    expect((await worker.heartbeat([{ jobId: job_id, attempt }])).body.jobs).toMatchObject([{ directive: 'cancel' }]);
    await save(42);
    await report({ status: 'cancelled', steps: 42 });
    expect(await read(session_id)).toMatchObject({ status: 'aborted', current_step: 42, last_checkpoint_step: 42 });
    expect((await send(`POST /sessions/${session_id}/abort`)).body).toMatchObject({
      status: 'aborted',
      finished: true,
    });
  });
});

describe('DELETE /sessions/{id}', () => {
  it('should abort and forget it [004:endpoint-delete,delete-aborts]', async () => {
    const { session_id, job_id } = await start();
    await send(`POST /sessions/${session_id}/steps`, { steps: 100 });
    const { worker, attempt } = await claim(job_id);
    const { status, text } = await send(`DELETE /sessions/${session_id}`);
    expect([status, text]).toEqual([204, '']);
    expect((await send(`GET /sessions/${session_id}`)).status).toBe(404);
    expect((await worker.heartbeat([{ jobId: job_id, attempt }])).body.jobs).toMatchObject([{ directive: 'cancel' }]);
  });

  it('should take one that is over [004:delete-aborts]', async () => {
    const { session_id } = await start();
    await send(`POST /sessions/${session_id}/abort`);
    expect((await send(`DELETE /sessions/${session_id}`)).status).toBe(204);
  });
});

describe('logs', () => {
  let session: Status;
  let worker: Awaited<ReturnType<typeof claim>>;
  let stream: Follower;
  beforeEach(async () => {
    session = await start();
    await send(`POST /sessions/${session.session_id}/steps`, { steps: 100 });
    worker = await claim(session.job_id);
    await worker.print('first', 'second');
    stream = await Follower.open(`${api.url}/sessions/${session.session_id}/logs/stream`);
  });
  afterEach(() => stream.leave());

  it('should hand out the newest lines [004:endpoint-logs]', async () => {
    await worker.print('third');
    const path = `GET /sessions/${session.session_id}/logs`;
    expect((await send<object>(path)).body).toEqual({
      session_id: session.session_id,
      logs: ['first', 'second', 'third'],
    });
    expect((await send<{ logs: string[] }>(`${path}?limit=2`)).body.logs).toEqual(['second', 'third']);
    expect((await send(`${path}?limit=x`)).status).toBe(422);
  });

  it('should stream plain text in chunks until training ends [004:endpoint-stream,stream-text,stream-end]', async () => {
    const { 'content-type': type, 'transfer-encoding': encoding } = stream.response.headers;
    expect([type, encoding]).toEqual(['text/plain; charset=utf-8', 'chunked']);
    await stream.until('first\nsecond\n');
    await worker.print('third');
    await stream.until('first\nsecond\nthird\n');
    await worker.print('last');
    await worker.report({ status: 'completed', result: {}, steps: 100 });
    expect(await stream.end()).toBe('first\nsecond\nthird\nlast\n');
  });

  it('should end the stream when the session is deleted, though a worker still saves [004:stream-deleted]', async () => {
    await stream.until('first\nsecond\n');
    await send(`DELETE /sessions/${session.session_id}`);
    expect(await stream.end()).toBe('first\nsecond\n');
    expect((await api.send<Job>(`GET /jobs/${session.job_id}`)).body.status).toBe('running');
  });

  it('should open the stream before there is a line', async () => {
    const { session_id } = await start();
    const silent = await Follower.open(`${api.url}/sessions/${session_id}/logs/stream`);
    expect(silent.response.statusCode).toBe(200);
    await send(`POST /sessions/${session_id}/abort`);
    expect(await silent.end()).toBe('');
  });

  it('should hand out at once what is there of one that is over', async () => {
    await worker.report({ status: 'failed', result: { error: 'Out of memory.' } });
    await stream.end();
    const again = await Follower.open(`${api.url}/sessions/${session.session_id}/logs/stream`);
    expect(await again.end()).toBe('first\nsecond\n');
    expect(await read(session.session_id)).toMatchObject({ status: 'error', error: 'Out of memory.' });
  });

  it('should count streams, and have room again when their clients leave', async () => {
    const path = `${api.url}/sessions/${session.session_id}/logs/stream`;
    const second = await Follower.open(path);
    const third = await Follower.open(path);
    expect([third.response.statusCode, JSON.parse(await third.end())]).toEqual([
      429,
      { detail: expect.stringContaining('open event streams') },
    ]);
    stream.leave();
    second.leave();
    const isFree = async () => {
      const { response } = await Follower.open(path);
      response.destroy();
      return response.statusCode === 200;
    };
    await waitUntil(isFree, { timeoutMs: 20_000, what: 'room for a stream' });
  });
});

describe('routes', () => {
  it.each(['POST', 'GET'])('should say where epochs went: %s [004:endpoint-epochs]', async (method) => {
    const { status, body } = await send<Failed>(`${method} /sessions/my-session/epochs`);
    expect([status, body]).toEqual([
      410,
      { detail: 'This route is gone. Use POST /sessions/my-session/steps in its place.' },
    ]);
    const { body: document } =
      await send<Record<string, Record<string, Record<string, { deprecated?: boolean }>>>>('GET /api-json/sessions');
    expect(document['paths']?.['/sessions/{id}/epochs']?.[method.toLowerCase()]?.deprecated).toBe(true);
  });

  it('should say so whatever comes along, the forms that curl sends too', async () => {
    const body = new URLSearchParams({ epochs: '1' });
    expect((await fetch(`${api.url}/sessions/my-session/epochs`, { method: 'POST', body })).status).toBe(410);
  });

  it.each([
    ['GET /sessions/ID', undefined],
    ['POST /sessions/ID/steps', { steps: 1 }],
    ['POST /sessions/ID/abort', undefined],
    ['DELETE /sessions/ID', undefined],
    ['GET /sessions/ID/logs', undefined],
    ['GET /sessions/ID/logs/stream', undefined],
  ])("should find neither an unknown session nor another tenant's: %s [004:error-404]", async (route, body) => {
    const { session_id, job_id } = await start();
    for (const id of ['unknown', '%00', 'a%20b', session_id, job_id]) {
      const answer = await api.send<Failed>(route.replace('ID', id), { tenant: OTHER_TENANT, body });
      expect([answer.status, answer.body]).toEqual([404, { detail: `Session ${decodeURIComponent(id)} not found.` }]);
    }
    expect((await read(session_id)).allowed_steps).toBe(0);
  });
});

describe('with AUTH_MODE=token', () => {
  it('should keep to the tenant of the token [004:token]', async () => {
    const guarded = await startTokenApp({ env: { TRAINER_FALLBACK: 'tiny' } });
    try {
      await putPictures(guarded.folderOf(TENANT), 'dataset');
      const mine = await guarded.makeKey(['read', 'write']);
      const theirs = await guarded.makeKey(['read', 'write'], { tenant: OTHER_TENANT });
      const none = await guarded.send<Failed>('POST /sessions', { tenant: null, body: REQUEST });
      expect([none.status, none.body]).toEqual([401, { detail: expect.any(String) }]);
      const created = await guarded.send<Status>('POST /sessions', { key: mine.key, body: REQUEST });
      expect(created.status).toBe(201);
      // The same path is another folder there.
      const other = await guarded.send<Failed>('POST /sessions', { key: theirs.key, body: REQUEST });
      expect([other.status, other.body.detail]).toEqual([400, expect.stringContaining('No folder')]);
      expect((await guarded.send('GET /sessions/my-session', { key: mine.key })).status).toBe(200);
      expect((await guarded.send('GET /sessions/my-session', { key: theirs.key })).status).toBe(404);
    } finally {
      await guarded.close();
    }
  });
});

/** A client of a stream of text, on a connection of its own. */
class Follower {
  private text = '';

  private constructor(
    readonly response: IncomingMessage,
    private readonly chunks: AsyncIterator<Buffer>,
  ) {}

  static async open(url: string): Promise<Follower> {
    const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
    const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    return new Follower(response, chunks);
  }

  /** Reads until this is what came. */
  async until(wanted: string): Promise<void> {
    while (this.text !== wanted) {
      if (!wanted.startsWith(this.text)) throw new Error(`Got ${JSON.stringify(this.text)}.`);
      if (!(await this.read())) throw new Error(`The stream ended after ${JSON.stringify(this.text)}.`);
    }
  }

  /** @returns all that came, when the stream has ended */
  async end(): Promise<string> {
    while (await this.read());
    return this.text;
  }

  leave(): void {
    this.response.destroy();
  }

  private async read(): Promise<boolean> {
    const { value, done } = (await this.chunks.next()) as { value?: Buffer; done?: boolean };
    if (value) this.text += value.toString();
    return done !== true;
  }
}
