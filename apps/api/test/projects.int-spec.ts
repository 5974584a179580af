import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateProjectSchema, type Dataset, type Job, type Page, type Project, type Usage } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { ProjectsRepository } from '../src/projects/projects.repository.js';
import { picture, writeFiles } from './dataset-files.js';
import { HttpWorker } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
let reasoning: Dataset;
let coding: Dataset;
let tools: Dataset;
let more: Dataset;
beforeAll(async () => {
  api = await startTestApp({ env: { SWEEP_MS: '86400000' } });
  [reasoning, coding, tools, more] = (await Promise.all(
    ['reasoning', 'coding', 'tools', 'more'].map((name) => register(name, 1000)),
  )) as [Dataset, Dataset, Dataset, Dataset];
  await api.app.get(Database).pool.query('update tenant set max_concurrent_jobs = 50');
});
afterAll(() => api.close());

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, row) => `${JSON.stringify({ text: `${name} ${row}` })}\n`).join('');

async function register(name: string, rows: number): Promise<Dataset> {
  await writeFiles(join(api.dataRoot, 'datasets', name), { 'rows.jsonl': lines(name, rows) });
  const body = { kind: 'fine-tuning', path: `data/datasets/${name}` };
  return (await api.send<Dataset>('POST /datasets', { body })).body;
}

const numberOf = (id: string) => [reasoning, coding, tools, more].find((one) => one.id === id)?.number;

const alone = ({ id }: Dataset) => [{ datasetId: id, percentage: 100 }];
const threeTraits = () => [
  { type: 'reasoning', percentage: 50, datasets: alone(reasoning) },
  { type: 'coding', percentage: 30, datasets: alone(coding) },
  {
    type: 'general_tools',
    percentage: 20,
    datasets: [
      { datasetId: tools.id, percentage: 70 },
      { datasetId: more.id, percentage: 30 },
    ],
  },
];

let count = 0;
const bodyOf = (change: object = {}) => ({
  name: 'A project',
  baseModel: 'tiny-text',
  maxRows: 1000,
  outputDirectory: `data/projects/p${(count += 1)}`,
  traits: threeTraits(),
  ...change,
});

const create = (change: object = {}, request = {}) =>
  api.send<Project>('POST /projects', { body: bodyOf(change), ...request });
const start = (id: string, request = {}) => api.send<Project>(`POST /projects/${id}/start`, request);
const read = async (id: string) => (await api.send<Project>(`GET /projects/${id}`)).body;
const usedBytes = async (): Promise<number> => (await api.send<Usage>('GET /usage')).body.storage.usedBytes;
const rowsIn = ({ traits }: Project) => traits.map(({ datasets }) => datasets.map(({ rows }) => rows));

async function started(change: object = {}): Promise<Project> {
  const answer = await start((await create(change)).body.id);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.body;
}

async function claim(id: string) {
  const others = `update job set status = 'cancelled', finished_at = now() where status = 'pending' and id <> $1`;
  await api.app.get(Database).pool.query(others, [id]);
  const worker = await new HttpWorker(api).register();
  const job = await worker.claim();
  expect(job?.jobId).toBe(id);
  return job!;
}

const report = (id: string, body: object) => api.send<Job>(`PATCH /jobs/${id}`, { body });

describe('POST /projects', () => {
  it('should keep what it was given, and train nothing yet', async () => {
    const { status, body } = await create({ description: 'Why', trainingType: 'lora', seed: 3, config: { epochs: 2 } });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...{ tenantId: TENANT, name: 'A project', description: 'Why', baseModel: 'tiny-text', trainingType: 'lora' },
      ...{ maxRows: 1000, seed: 3, status: 'pending', progress: 0, error: null, jobId: null, datasetId: null },
      config: { epochs: 2, batchSize: 1 },
    });
    expect(body.traits).toEqual(
      threeTraits().map((trait) => ({
        ...trait,
        datasets: trait.datasets.map((one) => ({ ...one, datasetNumber: numberOf(one.datasetId), rows: null })),
      })),
    );
    expect(await read(body.id)).toEqual(body);
  });

  it('should make one project of a repeated request', async () => {
    const request = { headers: { 'idempotency-key': 'project-once' }, body: bodyOf() };
    const ids = [await create({}, request), await create({}, request)].map(({ body }) => body.id);
    expect(ids[0]).toBe(ids[1]);
  });

  it('should refuse what cannot be meant, and name it', async () => {
    const pictures = join(api.dataRoot, 'datasets/pictures');
    await writeFiles(pictures, { 'a.png': await picture(1), 'a.txt': 'a' });
    const { body: images } = await api.send<Dataset>('POST /datasets', {
      body: { kind: 'lora-training', path: 'data/datasets/pictures' },
    });
    await mkdir(join(api.dataRoot, 'taken'), { recursive: true });
    await writeFile(join(api.dataRoot, 'taken/file'), '');
    const half = [{ datasetId: coding.id, percentage: 50 }];
    const trait = (type: string, datasets: object[], percentage?: number) => ({ type, datasets, percentage });
    const both = [...alone(coding).map((one) => ({ ...one, percentage: 50 })), { datasetId: tools.id, percentage: 50 }];
    const refusals: [object, number, string][] = [
      [{ traits: [trait('coding', half)] }, 400, 'Percentages must sum to 100.'],
      [{ traits: [trait('coding', both)] }, 400, 'Must be exactly one dataset, at 100.'],
      [{ traits: [trait('reasoning', both)] }, 400, 'Must be exactly one dataset, at 100.'],
      [{ traits: [trait('general_tools', half)] }, 400, 'Percentages must sum to 100.'],
      [{ traits: [trait('general_tools', [])] }, 400, 'traits.0.datasets'],
      [{ traits: [] }, 400, 'traits'],
      [{ traits: [trait('cooking', alone(coding))] }, 400, 'traits.0.type'],
      [{ traits: [trait('coding', alone(coding)), trait('reasoning', alone(coding))] }, 400, 'in a project once.'],
      [
        { traits: [trait('coding', alone(coding), 60), trait('reasoning', alone(tools), 60)] },
        400,
        'of traits must sum',
      ],
      [{ traits: [trait('coding', alone(coding), 60), trait('reasoning', alone(tools))] }, 400, 'of traits must sum'],
      [{ traits: [trait('coding', alone(images))] }, 400, 'Must name a dataset of the kind fine-tuning.'],
      [{ traits: [trait('coding', [{ datasetId: 'nope', percentage: 100 }])] }, 404, 'dataset_not_found'],
      [{ outputDirectory: '/etc' }, 400, 'outputDirectory'],
      [{ outputDirectory: 'data/../x' }, 400, 'outputDirectory'],
      [{ outputDirectory: 'data/taken/file' }, 400, 'Must be a folder'],
      [{ outputDirectory: 'data/taken/file/x' }, 400, 'outputDirectory'],
      [{ outputDirectory: 'data/datasets/x' }, 400, 'outputDirectory'],
      [{ maxRows: 0 }, 400, 'maxRows'],
      [{ name: '' }, 400, 'name'],
      [{ name: 'a\0' }, 400, 'name'],
      [{ trainingType: 'rag' }, 400, 'trainingType'],
      [{ config: { modelName: 'x' } }, 400, 'config'],
      [{ config: { outputPath: 'data/loras/x' } }, 400, 'config'],
    ];
    const before = (await api.send<Page<Project>>('GET /projects')).body.total;
    for (const [change, status, text] of refusals) {
      const answer = await create(change);
      expect([change, answer.status, answer.text]).toEqual([change, status, expect.stringContaining(text)]);
    }
    expect((await api.send<Page<Project>>('GET /projects')).body.total).toBe(before);
  });

  it('should not take datasets of another tenant', async () => {
    const foreign = await create({}, { tenant: OTHER_TENANT });
    expect([foreign.status, foreign.problem.code]).toEqual([404, 'dataset_not_found']);
  });
});

describe('ProjectsRepository', () => {
  it('should say that a dataset is gone that was there when it was looked for', async () => {
    const traits = [{ type: 'coding', datasets: [...alone(coding), { datasetId: newId(), percentage: 100 }] }] as const;
    const input = CreateProjectSchema.parse(bodyOf());
    const gone = api.app
      .get(ProjectsRepository)
      .create(TENANT, { ...input, traits: traits as never, id: newId(), userId: undefined });
    await expect(gone).rejects.toMatchObject({
      code: 'dataset_not_found',
      details: { id: traits[0].datasets[1]?.datasetId },
    });
  });

  it('should give the start of a project to nobody who has not seen its newest job', async () => {
    const { id, jobId } = await started({ maxRows: 100 });
    await api.app
      .get(Database)
      .pool.query(`update job set status = 'failed', finished_at = now() where id = $1`, [jobId]);
    const repository = api.app.get(ProjectsRepository);
    expect(await repository.claimStart({ tenantId: TENANT, id, jobId: null }, 60_000)).toBeUndefined();
    const claim = await repository.claimStart({ tenantId: TENANT, id, jobId }, 60_000);
    expect(claim).toMatchObject({ id });
    await repository.releaseStart(claim!);
  });
});

describe('GET /projects', () => {
  it('should list those of the tenant, newest first, by page', async () => {
    const [first, second] = [(await create()).body, (await create()).body];
    const { body } = await api.send<Page<Project>>('GET /projects?take=2');
    expect(body.data.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(body).toMatchObject({ take: 2, skip: 0 });
    const skipped = await api.send<Page<Project>>('GET /projects?take=1&skip=1');
    expect(skipped.body.data.map(({ id }) => id)).toEqual([first.id]);
    expect((await api.send<Page<Project>>('GET /projects', { tenant: OTHER_TENANT })).body.total).toBe(0);
  });
});

describe('PATCH /projects/:id', () => {
  it('should change name and description alone', async () => {
    const { body } = await create();
    const change = (to: object) => api.send<Project>(`PATCH /projects/${body.id}`, { body: to });
    expect((await change({ name: 'New', description: 'Said' })).body).toMatchObject({
      name: 'New',
      description: 'Said',
    });
    expect((await change({ description: null })).body).toMatchObject({ name: 'New', description: null });
    expect((await change({})).status).toBe(200);
    for (const wrong of [{ traits: [] }, { maxRows: 5 }, { name: '' }]) expect((await change(wrong)).status).toBe(400);
  });

  it.each(['GET ', 'PATCH ', 'DELETE ', 'POST /start'])(
    'should answer 404 to %s for what is not the tenant’s',
    async (route) => {
      const { body } = await create();
      const [method, suffix] = route.split(' ') as [string, string];
      const ask = (id: string, tenant: string) =>
        api.send(`${method} /projects/${id}${suffix}`, { tenant, ...(method === 'PATCH' && { body: { name: 'x' } }) });
      const answers = [await ask(body.id, OTHER_TENANT), await ask('nope', TENANT)];
      expect(answers.map(({ status, problem }) => [status, problem.code])).toEqual([
        [404, 'project_not_found'],
        [404, 'project_not_found'],
      ]);
    },
  );
});

describe('POST /projects/:id/start', () => {
  it('should draw exactly the percentages, and submit one job for its folder', async () => {
    const project = await started({ seed: 7, trainingType: 'qlora', config: { epochs: 3, meta: { maxSteps: 9 } } });
    expect(rowsIn(project)).toEqual([[500], [300], [140, 60]]);
    expect(project).toMatchObject({ status: 'pending', progress: 0 });
    const mixed = await readFile(join(api.dataRoot, 'datasets/uploads', project.datasetId!, 'rows.jsonl'), 'utf8');
    const counts = ['reasoning', 'coding', 'tools', 'more'].map(
      (name) => mixed.match(new RegExp(`"${name} `, 'g'))?.length,
    );
    expect(counts).toEqual([500, 300, 140, 60]);
    const { body: job } = await api.send<Job>(`GET /jobs/${project.jobId}`);
    expect(job).toMatchObject({
      status: 'pending',
      payload: { datasetId: project.datasetId, config: { modelName: 'tiny-text', epochs: 3 } },
    });
    const { body: manifest } = await api.send<{ spec: { output: object; training: object; extra: object } }>(
      `GET /jobs/${job.id}/manifest`,
    );
    const dir = project.outputDirectory;
    expect(manifest.spec.output).toEqual({ dir, name: dir.split('/').at(-1) });
    expect(manifest.spec).toMatchObject({ training: { epochs: 3, maxSteps: 9 }, extra: { method: 'qlora' } });
  });

  it('should name the job by what fits of its own name, in whole characters', async () => {
    const { jobId } = await started({ name: `${'a'.repeat(99)}🎨 and more`, maxRows: 100 });
    expect((await api.send<Job>(`GET /jobs/${jobId}`)).body.payload['name']).toBe('a'.repeat(99));
  });

  it('should divide the rows alike among traits without percentages', async () => {
    const traits = threeTraits().map(({ type, datasets }) => ({ type, datasets }));
    expect(rowsIn(await started({ traits, maxRows: 100 }))).toEqual([[34], [33], [23, 10]]);
  });

  it('should put its results into a folder in the wanted one where something lies there', async () => {
    await writeFiles(join(api.dataRoot, 'projects/full'), { 'a.txt': 'a' });
    const { jobId } = await started({ outputDirectory: 'data/projects/full' });
    const { body } = await api.send<{ spec: { output: { dir: string } } }>(`GET /jobs/${jobId}/manifest`);
    expect(body.spec.output.dir).toBe(`data/projects/full/${jobId}`);
  });

  it('should make one job of ten starts at once', async () => {
    const { body } = await create({ maxRows: 100 });
    const jobs = async () => (await api.send<Page<Job>>('GET /jobs')).body.total;
    const before = await jobs();
    const answers = await Promise.all(Array.from({ length: 10 }, () => start(body.id)));
    const codes = answers.map(({ status, problem }) => (status === 200 ? 200 : problem.code));
    expect(codes.filter((code) => code === 200)).toHaveLength(1);
    for (const code of codes) expect([200, 'project_starting', 'project_start_refused']).toContain(code);
    expect(await jobs()).toBe(before + 1);
  });

  it('should go on where a start broke off, once whoever began it is silent', async () => {
    const { body } = await create({ maxRows: 100 });
    const hold = (age: string) =>
      api.app
        .get(Database)
        .pool.query(
          `update project set starter = gen_random_uuid(), starting_at = now() - $2::interval where id = $1`,
          [body.id, age],
        );
    await hold('1 second');
    expect((await start(body.id)).problem.code).toBe('project_starting');
    await hold('2 minutes');
    expect((await start(body.id)).status).toBe(200);
  });

  it('should not start before its model is there, naming those that are', async () => {
    const { body } = await create({ baseModel: 'meta-llama/Llama-3.2-3B-Instruct' });
    const answer = await start(body.id);
    expect([answer.status, answer.problem.code]).toEqual([400, 'model_not_available']);
    expect(answer.problem.message).toMatch(/Available: tiny, tiny-text, tiny-image/);
    expect(await read(body.id)).toMatchObject({ jobId: null, datasetId: null });
    expect((await api.app.get(Database).pool.query('select from project where starter is not null')).rowCount).toBe(0);
  });

  it('should not start before its datasets are ready', async () => {
    const waiting = await register('waiting', 5);
    const { body } = await create({ traits: [{ type: 'coding', datasets: alone(waiting) }] });
    await api.send(`PATCH /datasets/${waiting.id}/status`, { body: { status: 'pending' } });
    expect((await start(body.id)).problem.code).toBe('dataset_not_ready');
    await api.send(`PATCH /datasets/${waiting.id}/status`, { body: { status: 'ready' } });
    expect((await start(body.id)).status).toBe(200);
  });

  it('should show how far its job is, and refuse to start while it runs or after it is completed', async () => {
    const { id, jobId } = await started({ maxRows: 100 });
    expect((await start(id)).problem.code).toBe('project_start_refused');
    const { attempt } = await claim(jobId!);
    await report(jobId!, { attempt, result: { progress: { currentStep: 91, totalSteps: 200 } } });
    expect(await read(id)).toMatchObject({ status: 'running', progress: 45.5 });
    expect((await start(id)).problem.code).toBe('project_start_refused');
    await report(jobId!, { attempt, status: 'completed', result: { steps: 200 } });
    expect(await read(id)).toMatchObject({ status: 'completed', progress: 100 });
    expect((await start(id)).problem.code).toBe('project_start_refused');
  });

  it('should start again after a failure, on the same mix and in a folder of its own', async () => {
    const first = await started({ maxRows: 100 });
    const { attempt } = await claim(first.jobId!);
    await report(first.jobId!, { attempt, status: 'failed', result: { error: 'No memory.', code: 'trainer_crashed' } });
    expect(await read(first.id)).toMatchObject({ status: 'failed', error: 'No memory.' });
    const { status, body } = await start(first.id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'pending', error: null, progress: 0, datasetId: first.datasetId });
    expect(body.jobId).not.toBe(first.jobId);
    expect(rowsIn(body)).toEqual(rowsIn(first));
  });

  it('should go on with the mix that a start has left which died behind it', async () => {
    const { body } = await create({ maxRows: 100 });
    const first = (await start(body.id)).body;
    const { pool } = api.app.get(Database);
    await pool.query('update project set job_id = null, dataset_id = null where id = $1', [body.id]);
    await pool.query('update project_dataset set rows = null where project_id = $1', [body.id]);
    const used = await usedBytes();
    const second = (await start(body.id)).body;
    expect(second.datasetId).toBe(first.datasetId);
    expect(rowsIn(second)).toEqual(rowsIn(first));
    expect(await usedBytes()).toBe(used);
  });

  it('should draw anew in the room of a mix that failed', async () => {
    const first = await started({ maxRows: 100 });
    const { attempt } = await claim(first.jobId!);
    await report(first.jobId!, { attempt, status: 'failed', result: { error: 'x', code: 'trainer_crashed' } });
    await api.send(`PATCH /datasets/${first.datasetId}/status`, { body: { status: 'failed' } });
    const used = await usedBytes();
    const { status, body } = await start(first.id);
    expect(status).toBe(200);
    expect((await api.send<Dataset>(`GET /datasets/${body.datasetId}`)).body.status).toBe('ready');
    expect(await usedBytes()).toBe(used);
  });
});

describe('DELETE /projects/:id', () => {
  const remove = (id: string) => api.send(`DELETE /projects/${id}`);
  const cancel = (id: string) => api.send(`POST /jobs/${id}/cancel`);

  it('should wait for its job, and then give back the room of its mix', async () => {
    const used = await usedBytes();
    const { id, jobId, datasetId } = await started({ maxRows: 100 });
    expect(await usedBytes()).toBeGreaterThan(used);
    expect((await remove(id)).problem).toMatchObject({ code: 'project_active', status: 409 });
    await cancel(jobId!);
    const { status, body } = await remove(id);
    expect([status, body]).toEqual([200, { success: true }]);
    expect((await api.send(`GET /projects/${id}`)).problem.code).toBe('project_not_found');
    expect((await api.send(`GET /datasets/${datasetId}`)).status).toBe(404);
    expect(await usedBytes()).toBe(used);
    const { body: job } = await api.send<Job>(`GET /jobs/${jobId}`);
    expect([job.status, job.payload['datasetId']]).toEqual(['cancelled', datasetId]);
  });

  it('should leave a mix that another job uses', async () => {
    const { id, jobId, datasetId } = await started({ maxRows: 100 });
    await cancel(jobId!);
    const payload = { datasetId, config: { modelName: 'tiny-text' } };
    const { body: job } = await api.send<Job>('POST /jobs', { body: { type: 'lora-training', payload } });
    expect((await remove(id)).status).toBe(200);
    expect((await api.send(`GET /datasets/${datasetId}`)).status).toBe(200);
    await cancel(job.id);
  });

  it('should wait for who starts it', async () => {
    const { body } = await create();
    const { pool } = api.app.get(Database);
    await pool.query('update project set starter = gen_random_uuid(), starting_at = now() where id = $1', [body.id]);
    expect((await remove(body.id)).problem.code).toBe('project_starting');
  });

  it('should either start or go where both are asked for at once', async () => {
    for (let time = 0; time < 5; time += 1) {
      const { body } = await create({ maxRows: 100 });
      const [gone, begun] = await Promise.all([remove(body.id), start(body.id)]);
      expect([
        [200, 404],
        [200, 409],
        [409, 200],
      ]).toContainEqual([gone.status, begun.status]);
    }
  });

  it('should keep datasets for as long as it may still start', async () => {
    const source = await register('let-go', 50);
    const traits = [{ type: 'coding', datasets: alone(source) }];
    const { id, jobId } = await started({ traits });
    const take = () => api.send(`DELETE /datasets/${source.id}`);
    expect((await take()).problem.code).toBe('dataset_in_use');
    await cancel(jobId!);
    expect((await take()).status).toBe(200);
    expect((await read(id)).traits[0]?.datasets[0]).toMatchObject({
      datasetId: source.id,
      datasetNumber: source.number,
    });
  });
});
