import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withClient } from '@influencerai/local';
import type { Dataset, ErrorBody, LoraConfig } from '@influencerai/shared';
import { writeFiles } from '../dataset-files.js';
import { JobsFixture } from '../jobs-fixture.js';
import { startTestApp, TENANT, type TestApp } from '../test-app.js';
import { HOSTILE_FILES } from './files.js';
import { HOSTILE_HEADERS, HOSTILE_QUERIES } from './headers.js';
import type { HostileRequest } from './hostile-request.js';
import { HOSTILE_FILE_NAMES, HOSTILE_IDS } from './identifiers.js';
import { HOSTILE_JSON, HOSTILE_NAMES } from './json.js';
import { HOSTILE_PATHS } from './paths.js';
import { HOSTILE_OPTIONS } from './trainer-options.js';
import { HOSTILE_UPLOADS } from './uploads.js';

const MODELS = `
models:
  for-kohya: { trainer: kohya, family: sdxl, model: base.safetensors }
`;

const MODEL_OF: Record<string, string> = { kohya: 'for-kohya', 'ai-toolkit': 'black-forest-labs/FLUX.1-dev' };

const REQUESTS = [
  ...HOSTILE_PATHS,
  ...HOSTILE_IDS,
  ...HOSTILE_FILE_NAMES,
  ...HOSTILE_JSON,
  ...HOSTILE_NAMES,
  ...HOSTILE_HEADERS,
  ...HOSTILE_QUERIES,
  ...HOSTILE_UPLOADS,
];

let api: TestApp;
let jobs: JobsFixture;
let jobId: string;
let models: string;
let folders = 0;
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'hostile-test-'));
  await writeFile(join(models, 'models.yaml'), MODELS);
  api = await startTestApp({ env: { MODELS_FILE: join(models, 'models.yaml') } });
  jobs = await JobsFixture.create(api);
  await writeFiles(api.dataRoot, { 'datasets/rows.jsonl': '{"text":"a"}\n' });
  await symlink('/etc', join(api.dataRoot, 'link-outside'));
  await symlink('link-circle', join(api.dataRoot, 'link-circle'));
  jobId = (await jobs.submit()).id;
  await jobs.patch(jobId, { status: 'running' });
  await fetch(`${api.url}/jobs/${jobId}/artifacts/loss.csv?attempt=1&kind=loss-curve`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'x-tenant-id': TENANT },
    body: 'step,loss\n',
  });
});
afterAll(async () => {
  await api.close();
  await rm(models, { recursive: true });
});

describe('input that means harm', () => {
  it('should have at least 60 kinds', () => {
    const names = [...REQUESTS, ...HOSTILE_FILES].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(60);
  });

  it.each(REQUESTS)('should refuse $name, and change nothing', async (input) => {
    const before = await everything();
    const { status, problem, text } = await send(input);
    expect([status, problem.code]).toEqual([input.refusal.status, input.refusal.code]);
    if (input.refusal.field !== undefined) expect(fieldsOf(problem)).toContain(input.refusal.field);
    expect(text).not.toMatch(/\bat .*\.(js|ts):\d|node_modules|prisma|postgres|root:x:/i);
    expect(await everything()).toBe(before);
  });

  it.each(HOSTILE_OPTIONS)('should not plan a run of $trainer with $name', async ({ trainer, meta, refusal }) => {
    const body = {
      name: `hostile ${JSON.stringify(meta)} ${trainer}`.slice(0, 100),
      modelName: MODEL_OF[trainer],
      meta,
    };
    const config = await api.send<LoraConfig>('POST /lora-configs', { body });
    expect(config.status).toBe(201);
    const before = await everything();
    const payload = { datasetId: jobs.dataset.id, loraConfigId: config.body.id };
    const answer = await api.send('POST /jobs/preview', { body: { type: 'lora-training', trainer, payload } });
    expect([answer.status, answer.problem.code]).toEqual([refusal.status, refusal.code]);
    expect(await everything()).toBe(before);
  });

  it.each(HOSTILE_FILES)('should not use $name in a dataset', async ({ kind, file, content, reason }) => {
    const folder = `hostile/${(folders += 1)}`;
    await mkdir(join(api.dataRoot, folder), { recursive: true });
    await writeFile(join(api.dataRoot, folder, file), await content());
    const files = await filesOf(api.dataRoot);
    const { status, body } = await api.send<Dataset>('POST /datasets', { body: { kind, path: `data/${folder}` } });
    expect([status, body.status]).toEqual([201, 'failed']);
    expect(body.problems.find((problem) => problem.file === file)?.reason).toMatch(reason);
    expect(await filesOf(api.dataRoot)).toEqual(files);
    const { problem } = await api.send('POST /jobs', {
      body: { type: 'lora-training', payload: { datasetId: body.id, loraConfigId: jobs.config.id } },
    });
    expect(problem.code).toBe('dataset_not_ready');
  });

  it('should go on as before', async () => {
    expect((await api.send('GET /health/ready')).status).toBe(200);
    expect(({} as Record<string, unknown>)['isDefault']).toBeUndefined();
  });
});

async function send({ route, headers = {}, body }: HostileRequest) {
  const [method = '', path = ''] = route.replace('$JOB', jobId).split(/ (.*)/s);
  const response = await fetch(api.url + path, {
    method,
    headers: {
      'x-tenant-id': TENANT,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, problem: JSON.parse(text) as ErrorBody };
}

const fieldsOf = ({ errors }: ErrorBody): string[] => Object.keys(errors?.fieldErrors ?? {});

/** Number of rows in every table, and names and contents of every file. */
async function everything(): Promise<string> {
  const rows = await withClient(api.database.url, async (client) => {
    const tables = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    );
    const counts = tables.rows.map(({ name }) => `select '${name}' as name, count(*) from "${name}"`);
    return (await client.query(counts.join(' union all '))).rows as unknown[];
  });
  return JSON.stringify([rows, await filesOf(api.dataRoot)]);
}

async function filesOf(folder: string): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.sort().map(async (file): Promise<[string, string]> => [file, hashOf(await readFile(file))]));
}

const hashOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
