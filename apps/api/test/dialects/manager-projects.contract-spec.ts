import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dataset, Job, Page } from '@influencerai/shared';
import { Database } from '../../src/database/database.js';
import type { ManagerProject, ManagerProjectPage } from '../../src/dialects/manager/manager-projects.schema.js';
import { trainTiny } from '../adapters-fixture.js';
import { writeFiles } from '../dataset-files.js';
import { startTestApp, TENANT, type TestApp } from '../test-app.js';
import { UnwritableFolder, WHY_ALL_WRITABLE } from '../unwritable-folder.js';

const FIXTURES = new URL('../../src/dialects/manager/fixtures/', import.meta.url);
const fixture = <T>(name: string): T => JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), 'utf8')) as T;
type Create = Record<string, unknown> & { traits: Record<string, unknown>[] };
const EXAMPLE = fixture<Create>('project-create.request');
const MODELS = fixture<string[]>('models.response');

let api: TestApp;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'hugging-face-'));
  for (const name of MODELS) {
    await put(`hub/models--${name.replace('/', '--')}/snapshots/abc123/config.json`);
    await put(`hub/models--${name.replace('/', '--')}/snapshots/abc123/model.safetensors`);
  }
  api = await startTestApp({ env: { HF_HOME: home } });
  for (const number of [1, 2, 3, 4, 5]) expect((await register(number, 200)).number).toBe(number);
});
afterAll(async () => {
  await api.close();
  await rm(home, { recursive: true });
});

async function put(name: string): Promise<void> {
  await mkdir(dirname(join(home, name)), { recursive: true });
  await writeFile(join(home, name), '{}');
}

async function register(name: number, rows: number): Promise<Dataset> {
  const lines = Array.from({ length: rows }, (_, row) => JSON.stringify({ text: `${name} ${row}` })).join('\n');
  await writeFiles(join(api.dataRoot, 'texts', String(name)), { 'rows.jsonl': lines });
  const body = { kind: 'fine-tuning', path: `data/texts/${name}` };
  return (await api.send<Dataset>('POST /datasets', { body })).body;
}

/** As a client sends it, which knows no credentials. */
const send = <T = { detail: string }>(route: string, body?: unknown) =>
  api.send<T>(route.replace(' ', ' /api/v1'), { tenant: null, ...(body !== undefined && { body }) });
const create = (change: object = {}) => send<ManagerProject>('POST /projects/', { ...EXAMPLE, ...change });
const refused = async (change: object) => {
  const { status, body } = await send('POST /projects/', { ...EXAMPLE, ...change });
  return [status, body];
};
const jobsOf = async () => (await api.send<Page<Job>>('GET /jobs', { tenant: TENANT })).body;

/** A project that was started, with its job. */
async function startOne(): Promise<{ id: number; job: Job }> {
  const { id } = (await create({ traits: [trait('coding', [1, 100])], base_model: 'tiny-text' })).body;
  const { body } = await send<ManagerProject>(`POST /projects/${id}/start`);
  return { id, job: (await jobsOf()).data.find(({ number }) => number === body.job_id)! };
}

const trait = (trait_type: string, ...shares: [id: number, percentage: number][]) => ({
  trait_type,
  datasets: shares.map(([dataset_id, percentage]) => ({ dataset_id, percentage })),
});

describe('POST /api/v1/projects/', () => {
  it('should create the documented project [003:endpoint-projects-create,example-project-create,times]', async () => {
    const { status, body } = await create();
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...EXAMPLE, ...fixture<object>('project-create.response') });
    expect(body.traits.map(({ id }) => id)).toEqual([1, 2, 3]);
    for (const time of [body.created_at, body.updated_at]) expect(time).toMatch(/T\d\d:\d\d:\d\dZ$/);
  });

  it('should take one dataset at 100 % for reasoning and coding [003:project-one-dataset,error-project-400]', async () => {
    const detail = expect.stringMatching(/traits\.0\.datasets: Must be exactly one dataset/);
    for (const type of ['reasoning', 'coding'])
      expect(await refused({ traits: [trait(type, [1, 50], [2, 50])] })).toEqual([400, { detail }]);
    const half = expect.stringMatching(/must sum to 100/);
    expect(await refused({ traits: [trait('coding', [1, 50])] })).toEqual([400, { detail: half }]);
    expect((await refused({ traits: [trait('coding')] }))[0]).toBe(400);
  });

  it('should have the datasets of general_tools sum to 100 % [003:project-sum]', async () => {
    expect((await create({ traits: [trait('general_tools', [1, 100])] })).status).toBe(201);
    expect((await create({ traits: [trait('general_tools', [1, 33.33], [2, 33.33], [3, 33.34])] })).status).toBe(201);
    const detail = expect.stringMatching(/must sum to 100/);
    expect(await refused({ traits: [trait('general_tools', [1, 60], [2, 60])] })).toEqual([400, { detail }]);
    expect((await refused({ traits: [trait('general_tools', [1, 120], [2, -20])] }))[0]).toBe(400);
  });

  it('should not take a dataset twice [003:project-once]', async () => {
    const detail = expect.stringMatching(/in a project once/);
    expect(await refused({ traits: [trait('reasoning', [1, 100]), trait('coding', [1, 100])] })).toEqual([
      400,
      { detail },
    ]);
    expect(await refused({ traits: [trait('general_tools', [1, 50], [1, 50])] })).toEqual([400, { detail }]);
  });

  it('should name a dataset that there is not', async () => {
    const detail = 'traits.0.datasets.0.dataset_id: Dataset 99 not found.';
    expect(await refused({ traits: [trait('coding', [99, 100])] })).toEqual([400, { detail }]);
  });

  it('should refuse a directory that cannot be written to [003:project-output-dir]', async () => {
    const detail = expect.stringMatching(/^output_directory: /);
    expect(await refused({ output_directory: '/../etc' })).toEqual([400, { detail }]);
  });

  it('should train as the configuration says where a request does not say how', async () => {
    const set = (type: string) => send('PATCH /config/', { default_training_type: type });
    await set('standard');
    expect((await create({ training_type: undefined })).body.training_type).toBe('standard');
    await set('qlora');
    expect((await create({ training_type: undefined })).body.training_type).toBe('qlora');
  });

  it('should know three types of training [003:project-types]', async () => {
    for (const training_type of ['qlora', 'standard', 'rag'])
      expect((await create({ training_type })).body.training_type).toBe(training_type);
    expect((await refused({ training_type: 'other' }))[0]).toBe(422);
  });

  it('should hold max_rows within its bounds [003:project-rows]', async () => {
    for (const max_rows of [1, 1_000_000]) expect((await create({ max_rows })).body.max_rows).toBe(max_rows);
    for (const max_rows of [0, 1_000_001, 1.5, '0']) expect((await refused({ max_rows }))[0]).toBe(422);
    for (const max_rows of [undefined, null]) expect((await create({ max_rows })).body.max_rows).toBe(50_000);
  });

  it('should take text that says a number [003:numbers]', async () => {
    const traits = [{ trait_type: 'coding', percentage: '100', datasets: [{ dataset_id: '1', percentage: '100.0' }] }];
    const { status, body } = await create({ max_rows: '9', traits });
    expect([status, body.max_rows, body.traits[0]]).toMatchObject([
      201,
      9,
      { ...trait('coding', [1, 100]), percentage: 100 },
    ]);
    expect((await send(`PATCH /projects/${body.id}`, { max_rows: '9', traits })).status).toBe(200);
  });

  it('should read null as left out [003:null]', async () => {
    const traits = [{ ...trait('coding', [1, 100]), percentage: null }];
    const { status, body } = await create({ traits, training_type: null, description: null });
    expect([status, body.description, body.training_type]).toEqual([201, null, 'qlora']);
    expect(body.traits[0]?.percentage).toBeNull();
  });

  it.each([
    { name: '' },
    { name: '  ' },
    { name: undefined },
    { max_rows: 0 },
    { max_rows: 'many' },
    { traits: 'all' },
    { colour: 1 },
  ])('should refuse the form of %j [003:strict,error-types]', async (change) => {
    const [status, body] = await refused(change);
    const type = 'colour' in change ? 'extra_forbidden' : JSON.stringify(change) === '{}' ? 'missing' : 'value_error';
    const detail = [{ loc: ['body', ...Object.keys(change)], msg: expect.any(String), type }];
    expect([status, body]).toEqual([422, { detail }]);
  });
});

describe('GET /api/v1/projects/', () => {
  it('should list by pages, without their number [003:endpoint-projects-list,project-page]', async () => {
    const [first, second] = [(await create()).body, (await create()).body];
    const { body } = await send<ManagerProjectPage>('GET /projects/');
    expect(Object.keys(body)).toEqual(Object.keys(fixture<object>('project-page.response')));
    expect([body.page, body.page_size, body.items[0]?.id]).toEqual([1, 50, second.id]);
    const next = await send<ManagerProjectPage>('GET /projects/?page=2&page_size=1');
    expect(next.body.items.map(({ id }) => id)).toEqual([first.id]);
    expect((await send('GET /projects/?page_size=101')).status).toBe(422);
  });

  it('should say that there is no such project [003:error-project-404]', async () => {
    for (const route of ['GET /projects/9999', 'POST /projects/9999/start', 'POST /projects/9999/validate']) {
      const { status, body } = await send(route);
      expect([status, body]).toEqual([404, { detail: 'Project 9999 not found.' }]);
    }
    expect((await send('PATCH /projects/9999', { name: 'x' })).status).toBe(404);
    expect((await send('PATCH /projects/9999', { name: '  ' })).status).toBe(422);
    expect((await send('GET /projects/abc')).status).toBe(422);
  });
});

describe('PATCH /api/v1/projects/{id}', () => {
  it('should change as documented [003:endpoint-projects-update,example-project-update]', async () => {
    const { id } = (await create()).body;
    const change = fixture<object>('project-update.request');
    const { status, body } = await send(`PATCH /projects/${id}`, change);
    expect([status, body]).toEqual([200, expect.objectContaining(change)]);
  });

  it('should change neither traits nor what is trained, and where [003:project-fixed]', async () => {
    const { id, ...project } = (await create()).body;
    const [first, ...others] = project.traits;
    const changes = [
      { traits: [] },
      { traits: [{ ...first!, percentage: 50 }, ...others] },
      { traits: [{ ...first!, datasets: [{ ...first!.datasets[0]!, dataset_id: 2 }] }, ...others] },
      { base_model: 'tiny-text' },
      { training_type: 'rag' },
      { max_rows: 1 },
      { output_directory: '/output/elsewhere' },
    ];
    for (const change of changes) {
      const { status, body } = await send(`PATCH /projects/${id}`, { name: 'Changed', ...change });
      const detail = `${Object.keys(change)[0]}: Cannot be changed after creation.`;
      expect([status, body]).toEqual([400, { detail }]);
    }
    expect((await send<ManagerProject>(`GET /projects/${id}`)).body).toEqual({ id, ...project });
    expect((await send(`PATCH /projects/${id}`, { colour: 1 })).status).toBe(422);
    expect((await send(`PATCH /projects/${id}`, { traits: 'all' })).status).toBe(422);
  });

  it('should take back one that was read, changed, also once it was started [003:read-back]', async () => {
    const traits = [trait('coding', [1, 100])];
    const { id } = (await create({ traits, base_model: 'tiny-text' })).body;
    const { body: unstarted } = await send<ManagerProject>(`GET /projects/${id}`);
    await send(`POST /projects/${id}/start`);
    const { body: started } = await send<ManagerProject>(`GET /projects/${id}`);
    for (const read of [unstarted, started]) {
      const { status, body } = await send<ManagerProject>(`PATCH /projects/${id}`, { ...read, name: 'Renamed' });
      expect([status, body.name, body.job_id]).toEqual([200, 'Renamed', started.job_id]);
    }
  });
});

describe('POST /api/v1/projects/{id}/start', () => {
  it('should answer pending, and show how far it is [003:endpoint-projects-start,endpoint-projects-get,example-project-get]', async () => {
    const traits = EXAMPLE.traits.slice(0, 1);
    const { id } = (await create({ traits, max_rows: 150 })).body;
    const { status, body } = await send<ManagerProject>(`POST /projects/${id}/start`);
    expect([status, body.status, body.progress]).toEqual([200, 'pending', 0]);
    expect(body.traits[0]?.datasets).toEqual([{ dataset_id: 1, percentage: 100, rows: 150 }]);
    const job = (await jobsOf()).data.find(({ number }) => number === body.job_id);
    const progress = { progress: { currentStep: 91, totalSteps: 200 } };
    await api.send(`PATCH /jobs/${job?.id}`, { body: { status: 'running', result: progress } });
    const { traits: documented, ...fields } = fixture<Omit<ManagerProject, 'id'> & { id?: number }>(
      'project-get.response',
    );
    const { body: running } = await send<ManagerProject>(`GET /projects/${id}`);
    expect(running).toMatchObject({ ...fields, id });
    expect(running.traits).toMatchObject(documented);
    const again = await send(`POST /projects/${id}/start`);
    expect([again.status, again.body]).toEqual([400, { detail: expect.stringMatching(/is running/) }]);
  });

  it('should draw the documented shares of a project of three traits [003:project-shares]', async () => {
    const traits = EXAMPLE.traits.map((one, index) => ({ ...one, percentage: [50, 30, 20][index] }));
    const { id } = (await create({ traits, max_rows: 200, base_model: 'tiny-text' })).body;
    const { body } = await send<ManagerProject>(`POST /projects/${id}/start`);
    expect(body.traits.map(({ datasets }) => datasets.map(({ rows }) => rows))).toEqual([[100], [60], [20, 12, 8]]);
  });

  it('should have a word for every status of its job [003:project-statuses,error-validate-400]', async () => {
    const limit = (jobs: number) =>
      api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = $2 where id = $1', [TENANT, jobs]);
    const shown = async (id: number) => (await send<ManagerProject>(`GET /projects/${id}`)).body.status;
    await limit(0);
    const waiting = await startOne();
    expect([waiting.job.status, await shown(waiting.id)]).toEqual(['queued', 'pending']);
    await api.send(`POST /jobs/${waiting.job.id}/cancel`);
    await limit(1000);
    const words: string[] = [await shown((await create()).body.id)];
    for (const end of ['completed', 'failed', 'cancelled']) {
      const { id, job } = await startOne();
      words.push(await shown(id));
      if (end === 'cancelled') await api.send(`POST /jobs/${job.id}/cancel`);
      else
        for (const status of ['running', end])
          await api.send(`PATCH /jobs/${job.id}`, { body: { status, result: {} } });
      words.push(await shown(id));
    }
    expect(words).toEqual(['pending', 'pending', 'completed', 'pending', 'failed', 'pending', 'cancelled']);
  });

  it('should say which models there are when its own is not [003:error-model-400]', async () => {
    const before = (await jobsOf()).total;
    const { id } = (await create({ base_model: 'nobody/nothing' })).body;
    const { status, body } = await send(`POST /projects/${id}/start`);
    expect([status, body]).toEqual([400, { detail: expect.stringContaining(MODELS[0]!) }]);
    expect((await jobsOf()).total).toBe(before);
  });
});

describe('DELETE /api/v1/datasets/{id}', () => {
  const take = (number: number) => send(`DELETE /datasets/${number}`);

  it('should take one that a project names, unless that is being started [003:dataset-delete]', async () => {
    const { number } = await register(6, 50);
    const { id } = (await create({ traits: [trait('coding', [number, 100])], base_model: 'tiny-text' })).body;
    const begin = (ago: string) =>
      api.app.get(Database).pool.query(
        `update project set starter = gen_random_uuid(), starting_at = now() - $1::interval
          where tenant_id = $2 and number = $3`,
        [ago, TENANT, id],
      );
    await begin('1 second');
    const refused = await take(number);
    expect([refused.status, refused.body]).toEqual([400, { detail: 'Dataset is in use by 1 project.' }]);
    // Who started it has died.
    await begin('1 hour');
    expect((await take(number)).status).toBe(204);
    const { status, body } = await send(`POST /projects/${id}/start`);
    expect([status, body]).toEqual([
      400,
      { detail: `Project draws from datasets that are not there any more: ${number}.` },
    ]);
    const { body: left } = await send<ManagerProject>(`GET /projects/${id}`);
    expect(left.traits[0]?.datasets[0]?.dataset_id).toBe(number);
  });

  it('should let a failed project start again on what was drawn from it [003:dataset-delete]', async () => {
    const { number } = await register(7, 50);
    const { id } = (await create({ traits: [trait('coding', [number, 100])], base_model: 'tiny-text' })).body;
    const { body: started } = await send<ManagerProject>(`POST /projects/${id}/start`);
    const job = (await jobsOf()).data.find((one) => one.number === started.job_id)!;
    const { body: mix } = await api.send<Dataset>(`GET /datasets/${String(job.payload['datasetId'])}`);
    expect((await take(mix.number)).body).toEqual({ detail: 'Dataset is in use by 1 active job.' });
    expect((await take(number)).status).toBe(204);
    for (const status of ['running', 'failed']) await api.send(`PATCH /jobs/${job.id}`, { body: { status } });
    const { status, body } = await send<ManagerProject>(`POST /projects/${id}/start`);
    expect([status, body.status, body.job_id === started.job_id]).toEqual([200, 'pending', false]);
  });
});

describe('POST /api/v1/projects/{id}/validate', () => {
  it('should want a result to look at [003:error-validate-400]', async () => {
    const detail = expect.stringMatching(/ is pending; /);
    const untrained = [(await create()).body.id, (await startOne()).id];
    for (const id of untrained) {
      const { status, body } = await send(`POST /projects/${id}/validate`);
      expect([status, body]).toEqual([400, { detail }]);
    }
  });

  it('should answer in the documented form [003:endpoint-projects-validate,example-project-validate]', async () => {
    const { id } = (await create({ traits: [trait('coding', [1, 100])], base_model: 'tiny-text' })).body;
    const { body: started } = await send<ManagerProject>(`POST /projects/${id}/start`);
    const job = (await jobsOf()).data.find(({ number }) => number === started.job_id)!;
    await api.send(`PATCH /jobs/${job.id}`, { body: { status: 'running' } });
    const weights = await trainTiny('text', 'A short sentence.');
    const files = { 'config.json': Buffer.from('{}'), 'tokenizer.json': Buffer.from('{}'), 'p.safetensors': weights };
    for (const [name, content] of Object.entries(files)) {
      const kind = name.endsWith('json') ? 'file' : 'lora';
      await fetch(`${api.url}/jobs/${job.id}/artifacts/${name}?attempt=1&kind=${kind}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', 'x-tenant-id': TENANT },
        body: new Uint8Array(content),
      });
    }
    await api.send(`PATCH /jobs/${job.id}`, { body: { status: 'completed' } });
    const { status, body } = await send(`POST /projects/${id}/validate`);
    const documented = fixture<{ files: { files_checked: string[] } }>('project-validate.response');
    documented.files.files_checked.splice(1, 0, 'p.safetensors');
    expect([status, body]).toEqual([200, documented]);
  });
});

describe('POST /api/v1/projects/validate-output-dir', () => {
  it('should answer as documented [003:endpoint-output-dir,example-output-dir]', async () => {
    const { status, body } = await send('POST /projects/validate-output-dir', fixture('output-dir.request'));
    expect([status, body]).toEqual([200, fixture('output-dir.response')]);
  });

  it.each(['/../x', '/datasets/x', '/taken', '/taken/x', '/.hidden', '/nowhere/x'])(
    'should refuse %s [003:error-output-dir-400]',
    async (output_directory) => {
      await writeFile(join(api.dataRoot, 'taken'), '');
      const { status, body } = await send('POST /projects/validate-output-dir', { output_directory });
      expect([status, body]).toEqual([400, { detail: expect.any(String) }]);
    },
  );
});

(WHY_ALL_WRITABLE ? describe.skip : describe)('a folder that the service must not write to', () => {
  let sealed: UnwritableFolder;
  beforeAll(async () => void (sealed = await UnwritableFolder.make(join(api.dataRoot, 'sealed'))));
  afterAll(() => sealed.release());

  it.each(['/sealed', '/sealed/new/one'])(
    'should be refused: %s [003:error-output-dir-400,project-output-dir]',
    async (output_directory) => {
      const detail = expect.stringMatching(/^output_directory: .*must not write to/);
      const asked = await send('POST /projects/validate-output-dir', { output_directory });
      expect([asked.status, asked.body]).toEqual([400, { detail }]);
      expect(await refused({ output_directory })).toEqual([400, { detail }]);
    },
  );
});

describe('models', () => {
  it('should say where the documented one lies [003:endpoint-model,example-model]', async () => {
    const { status, body } = await send('POST /projects/validate-model', fixture('model.request'));
    const documented = fixture<{ path: string }>('model.response');
    const path = documented.path.replace('/home/user/.cache/huggingface', home);
    expect([status, body]).toEqual([200, { ...documented, path }]);
  });

  it('should say that one is not there', async () => {
    const { status, body } = await send('POST /projects/validate-model', { model_name: 'nobody/nothing' });
    const errors = [expect.stringMatching(/not available/)];
    expect([status, body]).toEqual([200, { available: false, model_name: 'nobody/nothing', path: null, errors }]);
  });

  it('should list those that are there [003:project-models]', async () => {
    const { body: names } = await send<string[]>('GET /projects/models/available');
    for (const model_name of names) {
      const { body } = await send<{ available: boolean }>('POST /projects/validate-model', { model_name });
      expect([model_name, body.available]).toEqual([model_name, true]);
    }
  });

  it('should list names [003:endpoint-models,example-models]', async () => {
    const { status, body } = await send<string[]>('GET /projects/models/available');
    expect([status, body]).toEqual([200, expect.arrayContaining(MODELS)]);
    expect(body).toContain('tiny-text');
  });
});
