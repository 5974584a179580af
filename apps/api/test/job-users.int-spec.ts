import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CreateJob, Job } from '@influencerai/shared';
import { newId } from '../src/http/new-id.js';
import { JobsService, type SubmitRules } from '../src/jobs/jobs.service.js';
import { Dispatcher } from '../src/dispatcher/dispatcher.js';
import { aPrincipal } from './a-principal.js';
import { JobsFixture } from './jobs-fixture.js';
import { startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
let fixture: JobsFixture;

beforeAll(async () => {
  api = await startTestApp();
  fixture = await JobsFixture.create(api);
});
afterAll(() => api.close());

const setLimits = (limits: object) => api.send(`PATCH /tenants/${TENANT}`, { tenant: null, body: limits });

beforeEach(async () => {
  for (const status of ['queued', 'pending', 'running']) {
    const { body } = await api.send<{ data: Job[] }>(`GET /jobs?take=100&status=${status}`);
    for (const { id } of body.data) await api.send(`POST /jobs/${id}/cancel`);
  }
  await setLimits({ maxConcurrentJobs: 5, maxConcurrentJobsPerUser: null });
});

const TWO: SubmitRules = { jobsPerUser: 2 };

/** As a face does that brings a limit, or none. */
const submit = (userId: string | undefined, rules: SubmitRules = TWO, priority = 0): Promise<Job> =>
  api.app
    .get(JobsService)
    .create(
      { ...aPrincipal(), userId },
      { ...(fixture.submission as unknown as CreateJob), id: newId(), priority },
      rules,
    );

/** The states of these jobs once the dispatcher has looked. */
const statesOf = async (jobs: readonly Job[]): Promise<string[]> => {
  await api.app.get(Dispatcher).sweep();
  return Promise.all(jobs.map(async ({ id }) => (await fixture.get(id)).status));
};

describe('the limit of jobs of a user', () => {
  it('should let the jobs of others pass those of a user at the limit', async () => {
    const jobs = [await submit('ada'), await submit('ada'), await submit('ada'), await submit('bob')];
    expect(jobs.map(({ status }) => status)).toEqual(['pending', 'pending', 'queued', 'pending']);
    expect(jobs[2]?.waitingReason).toContain("user's limit of 2");
    expect(await statesOf(jobs)).toEqual(['pending', 'pending', 'queued', 'pending']);
  });

  it('should admit the most urgent of a user when one of that user ends', async () => {
    const jobs = [await submit('ada'), await submit('ada'), await submit('ada'), await submit('ada', TWO, 5)];
    await api.send(`POST /jobs/${jobs[0]?.id}/cancel`);
    expect(await statesOf(jobs)).toEqual(['cancelled', 'pending', 'queued', 'pending']);
  });

  it('should hold for concurrent submissions', async () => {
    const jobs = await Promise.all(Array.from({ length: 6 }, () => submit('ada')));
    expect(jobs.filter(({ status }) => status === 'pending')).toHaveLength(2);
  });

  it('should leave jobs alone that bring no limit', async () => {
    const jobs = [await submit('ada'), await submit('ada'), await submit('ada', {})];
    expect(jobs.map(({ status }) => status)).toEqual(['pending', 'pending', 'pending']);
  });

  it("should give way to the tenant's own, which holds for every face", async () => {
    await setLimits({ maxConcurrentJobsPerUser: 1 });
    const jobs = [await submit('ada'), await submit('ada'), await submit('bob', {}), await submit('bob', {})];
    expect(jobs.map(({ status }) => status)).toEqual(['pending', 'queued', 'pending', 'queued']);
    await setLimits({ maxConcurrentJobsPerUser: 3 });
    expect(await statesOf(jobs)).toEqual(['pending', 'pending', 'pending', 'pending']);
  });

  it("should stay below the tenant's limit of jobs", async () => {
    await setLimits({ maxConcurrentJobs: 3 });
    const jobs = [await submit('ada'), await submit('ada'), await submit('bob'), await submit('bob')];
    expect(jobs.map(({ status }) => status)).toEqual(['pending', 'pending', 'pending', 'queued']);
    expect(jobs[3]?.waitingReason).toContain("tenant's limit of 3");
  });

  it('should count the jobs of callers without a user as those of one', async () => {
    const jobs = [await submit(undefined), await submit(undefined), await submit(undefined)];
    expect(jobs.map(({ status }) => status)).toEqual(['pending', 'pending', 'queued']);
  });
});

describe('POST /jobs with the values of a configuration', () => {
  const payload = { config: { modelName: 'tiny-image', meta: { maxSteps: 5 } }, name: 'Own values' };

  it('should freeze them, with defaults and trigger words', async () => {
    const body = {
      type: 'lora-training',
      payload: { ...payload, datasetId: fixture.dataset.id, triggerWords: ['sks'] },
    };
    const created = await api.send<Job>('POST /jobs', { body });
    expect(created.status).toBe(201);
    const { body: manifest } = await api.send<{ spec: object }>(`GET /jobs/${created.body.id}/manifest`);
    expect(manifest.spec).toMatchObject({
      baseModel: 'tiny-image',
      output: { dir: 'data/loras/own-values' },
      dataset: { triggerWord: 'sks', triggerWords: ['sks'] },
      training: { maxSteps: 5, learningRate: 0.0001 },
    });
  });

  it('should put the result where they say', async () => {
    const config = { ...payload.config, outputPath: 'data/loras/mine/v2/' };
    const body = { type: 'lora-training', payload: { ...payload, config, datasetId: fixture.dataset.id } };
    const { body: job } = await api.send<Job>('POST /jobs', { body });
    const { body: manifest } = await api.send<{ spec: object }>(`GET /jobs/${job.id}/manifest`);
    expect(manifest.spec).toMatchObject({ output: { dir: 'data/loras/mine/v2', name: 'v2' } });
  });

  it.each(['/etc', 'data/../x', 'loras/x', 'data/datasets/x', 'data/loras/samples'])(
    'should not put it at %s',
    async (outputPath) => {
      const config = { ...payload.config, outputPath };
      const body = { type: 'lora-training', payload: { ...payload, config, datasetId: fixture.dataset.id } };
      for (const route of ['POST /jobs', 'POST /jobs/preview']) {
        const { status, problem } = await api.send(route, { body });
        expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['payload.config.outputPath']]);
      }
    },
  );

  it.each([
    ['neither', {}],
    ['both', { ...payload, loraConfigId: 'x' }],
  ])('should refuse %s of them and a stored configuration', async (_, given) => {
    const body = { type: 'lora-training', payload: { datasetId: fixture.dataset.id, ...given } };
    const { status, problem } = await api.send('POST /jobs', { body });
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['payload.loraConfigId']]);
  });
});
