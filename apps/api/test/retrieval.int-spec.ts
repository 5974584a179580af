import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RETRIEVAL_PROGRAM } from '@influencerai/retrieval';
import type { Dataset, Job, JobArtifact, Project, ProjectValidation, QueryAnswer } from '@influencerai/shared';
import type { ManagerQueryAnswer } from '../src/dialects/manager/manager-jobs.schema.js';
import { writeFiles } from './dataset-files.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

const ROWS = ['To reset your password, open the settings.', 'Invoices are sent each month.', 'Cats sleep all day.'];

/** Knows what a text is about: of a password, or not. */
const embeddings = createServer((request, response) => {
  if (isEndpointAway) return void response.writeHead(400).end('{}');
  void json(request).then((body) => {
    const data = (body as { input: string[] }).input.map((text, index) => ({
      index,
      embedding: /password|credentials/.test(text) ? [1, 0] : [0, 1],
    }));
    response.end(JSON.stringify({ data }));
  });
});
let isEndpointAway = false;

let api: TestApp;
let folder: string;
let dataset: Dataset;
let pictures: Dataset;
let worker: HttpWorker;
let words: Buffer;
let vectors: Buffer;
beforeAll(async () => {
  await once(embeddings.listen(0, '127.0.0.1'), 'listening');
  const endpoint = {
    EMBEDDINGS_URL: `http://127.0.0.1:${(embeddings.address() as AddressInfo).port}/v1`,
    EMBEDDINGS_MODEL: 'topics',
  };
  api = await startTestApp({ env: endpoint });
  folder = await mkdtemp(join(tmpdir(), 'retrieval-'));
  await writeFiles(join(api.dataRoot, 'texts'), { 'rows.txt': ROWS.join('\n') });
  const body = { kind: 'fine-tuning', path: 'data/texts' };
  dataset = (await api.send<Dataset>('POST /datasets', { body })).body;
  pictures = (await JobsFixture.create(api)).dataset;
  worker = await new HttpWorker(api).register([], { trainers: ['retrieval'] });
  [words, vectors] = await Promise.all([buildIndex('words'), buildIndex('vectors', endpoint)]);
});
afterAll(async () => {
  await api.close();
  embeddings.close().closeAllConnections();
  await rm(folder, { recursive: true });
});

async function buildIndex(name: string, env: Record<string, string> = {}): Promise<Buffer> {
  const dir = join(folder, name);
  await mkdir(dir);
  await writeFile(join(dir, 'rows.jsonl'), ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const config = { rows: 'rows.jsonl', rowCount: ROWS.length, output: 'x.sqlite' };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  await promisify(execFile)(process.execPath, [RETRIEVAL_PROGRAM, '--config', 'config.json'], { cwd: dir, env });
  return readFile(join(dir, 'x.sqlite'));
}

const submission = (more: object = {}) => ({
  type: 'lora-training',
  payload: { datasetId: dataset.id, config: { modelName: 'any/model', meta: { method: 'retrieval' } }, name: 'faq' },
  ...more,
});
const submit = (more?: object) => api.send<Job>('POST /jobs', { body: submission(more) });

/** A file of the running attempt, as whoever holds the job hands it in. */
const put = (jobId: string, content: Buffer, kind = 'index') =>
  fetch(`${api.url}/jobs/${jobId}/artifacts/faq.index.sqlite?attempt=1&kind=${kind}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'x-tenant-id': TENANT },
    body: new Uint8Array(content),
  });

const complete = (jobId: string) =>
  api.send(`PATCH /jobs/${jobId}`, { body: { status: 'completed', attempt: 1, result: {} } });

/** A job that a worker has completed with this index. */
async function indexed(content: Buffer): Promise<string> {
  const { id } = (await submit()).body;
  await worker.claim('retrieval');
  expect((await put(id, content)).status).toBe(200);
  await complete(id);
  return id;
}

const query = (id: string, body: object, tenant: string | null = TENANT) =>
  api.send<QueryAnswer>(`POST /jobs/${id}/query`, { body, tenant });

describe('a job that makes an index', () => {
  it('should be frozen for the trainer of indexes, whatever the model', async () => {
    const { status, body } = await submit();
    expect([status, body.trainer]).toEqual([201, 'retrieval']);
    await api.send(`POST /jobs/${body.id}/cancel`);
  });

  it('should be refused on pictures, and as a session', async () => {
    const ofPictures = { payload: { ...submission().payload, datasetId: pictures.id } };
    expect((await submit(ofPictures)).problem.code).toBe('dataset_kind_mismatch');
    expect((await submit({ session: { maxSteps: 10 } })).problem.code).toBe('spec_unsupported');
  });

  it.each(['rag', 'retreival', 7])('should not train weights where %j was meant to say it', async (method) => {
    const { payload } = submission();
    const config = { ...payload.config, meta: { method } };
    const { status, problem } = await submit({ payload: { ...payload, config } });
    expect([status, problem.code]).toEqual([422, 'spec_unsupported']);
    expect(problem.message).toMatch(/lora, qlora, full, retrieval/);
  });

  it('should make no adapter', async () => {
    await indexed(words);
    expect((await api.send<{ data: unknown[] }>('GET /adapters')).body.data).toEqual([]);
  });
});

describe('POST /jobs/:id/query', () => {
  it('should find rows by their words', async () => {
    const { status, body } = await query(await indexed(words), { query: 'when do cats sleep?', limit: 1 });
    expect([status, body]).toEqual([
      200,
      { mode: 'text', data: [{ row: 3, text: ROWS[2], score: expect.any(Number) }] },
    ]);
  });

  it('should find rows by what they mean, where they have vectors', async () => {
    const { body } = await query(await indexed(vectors), { query: 'credentials' });
    expect([body.mode, body.data[0]?.row]).toEqual(['hybrid', 1]);
  });

  it('should search words alone while the endpoint is away', async () => {
    const id = await indexed(vectors);
    isEndpointAway = true;
    const { body } = await query(id, { query: 'password' }).finally(() => (isEndpointAway = false));
    expect([body.mode, body.data[0]?.row]).toEqual(['text', 1]);
  });

  it('should answer many at once, from one copy', async () => {
    const id = await indexed(words);
    const answers = await Promise.all(Array.from({ length: 6 }, () => query(id, { query: 'invoices' })));
    expect(answers.map(({ body }) => body.data[0]?.row)).toEqual(Array(6).fill(2));
  });

  it('should answer 409 until the job is completed', async () => {
    const { id } = (await submit()).body;
    expect((await query(id, { query: 'x' })).problem).toMatchObject({ code: 'index_not_ready' });
    await worker.claim('retrieval');
    await complete(id);
    const { status, problem } = await query(id, { query: 'x' });
    expect([status, problem.code]).toEqual([409, 'index_missing']);
  });

  it('should answer 404 to other tenants, and 401 without one', async () => {
    const id = await indexed(words);
    expect((await query(id, { query: 'x' }, OTHER_TENANT)).problem.code).toBe('job_not_found');
    expect((await query(id, { query: 'x' }, null)).status).toBe(401);
    expect((await query('nope', { query: 'x' })).status).toBe(404);
  });

  it.each([{}, { query: '' }, { query: ' ' }, { query: 7 }, { query: 'x'.repeat(1001) }, { query: 'x', limit: 0 }])(
    'should refuse %j',
    async (body) => {
      const { status, problem } = await query('0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2', body);
      expect([status, problem.code]).toEqual([400, 'validation_failed']);
    },
  );
});

describe('POST /api/v1/jobs/:id/query', () => {
  const queryByNumber = (number: number, body: object, tenant: string | null = null) =>
    api.send<ManagerQueryAnswer & { detail: unknown }>(`POST /api/v1/jobs/${number}/query`, { body, tenant });

  /** The newest job, as the training manager's contract numbers it. */
  const newest = async () =>
    (await api.send<{ items: { id: number }[] }>('GET /api/v1/jobs/', { tenant: null })).body.items[0]!.id;

  it('should answer with items', async () => {
    await indexed(words);
    const { status, body } = await queryByNumber(await newest(), { query: 'cats', limit: 1 });
    const items = [{ row: 3, text: ROWS[2], score: expect.any(Number) }];
    expect([status, body]).toEqual([200, { mode: 'text', items }]);
  });

  it('should answer in the words of the contract while there is no index', async () => {
    const { id } = (await submit()).body;
    const number = await newest();
    const { status, body } = await queryByNumber(number, { query: 'cats' });
    expect([status, body.detail]).toEqual([400, expect.stringMatching(/^Job is pending; its index/)]);
    await api.send(`POST /jobs/${id}/cancel`);
    expect((await queryByNumber(number, { query: ' ' })).status).toBe(422);
    expect((await queryByNumber(999_999, { query: 'cats' })).status).toBe(404);
  });
});

describe('an index that is not what it should be', () => {
  it('should not be taken from a tenant that drives its job itself, whatever the file is called', async () => {
    const { id } = (await submit()).body;
    await api.send(`PATCH /jobs/${id}`, { body: { status: 'running' } });
    expect((await put(id, words)).status).toBe(409);
    expect((await put(id, words, 'file')).status).toBe(200);
    await api.send(`PATCH /jobs/${id}`, { body: { status: 'completed' } });
    expect((await query(id, { query: 'cats' })).problem.code).toBe('index_missing');
  });

  it('should not be opened when it was changed where it lies', async () => {
    const id = await indexed(Buffer.concat([words, Buffer.from('changed')]));
    const { data } = (await api.send<{ data: JobArtifact[] }>(`GET /jobs/${id}/artifacts`)).body;
    await writeFile(join(api.dataRoot, data[0]!.path.slice('data/'.length)), words);
    const { status, problem } = await query(id, { query: 'cats' });
    expect([status, problem.code]).toEqual([409, 'index_missing']);
  });

  it.each([
    ['no database', () => Buffer.from('no database at all')],
    ['cut off', () => words.subarray(0, words.length / 2)],
    ['a view that never ends', endless],
  ])('should take nothing along: %s', async (_, content) => {
    const id = await indexed(content());
    const { status, problem } = await query(id, { query: 'cats' });
    expect([status, problem.code]).toEqual([502, 'runtime_unavailable']);
    expect((await query(await indexed(words), { query: 'cats' })).status).toBe(200);
  });
});

/** Its chunks never end, whoever looks for one. */
function endless(): Buffer {
  const database = new DatabaseSync(':memory:');
  database.exec(`create table meta (key, value); insert into meta values ('format', '1');
    create virtual table words using fts5 (text); insert into words values ('cats');
    create view chunk as with recursive n (i) as (select 2 union all select i + 1 from n) select i as id, 1 as row, 'x' as text from n`);
  return Buffer.from(database.serialize());
}

describe('a project of the type retrieval', () => {
  it('should start whatever its model, and show its index to be sound', async () => {
    const share = { datasetId: dataset.id, percentage: 100 };
    const body = {
      name: 'faq',
      baseModel: 'any/model',
      trainingType: 'retrieval',
      outputDirectory: 'data/projects/faq',
      traits: [{ type: 'coding', datasets: [share] }],
    };
    const { id } = (await api.send<Project>('POST /projects', { body })).body;
    const { jobId } = (await api.send<Project>(`POST /projects/${id}/start`)).body;
    await worker.claim('retrieval');
    await put(jobId!, words);
    await complete(jobId!);
    const validation = (await api.send<ProjectValidation>(`POST /projects/${id}/validate`)).body;
    expect(validation).toEqual({
      valid: true,
      files: { valid: true, filesChecked: ['faq.index.sqlite'], skipped: [], errors: [] },
      loading: { valid: true, skipped: null, errors: [] },
      errors: [],
    });
  });
});
