import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dataset, ErrorBody, Job, JobSeries, Page } from '@influencerai/shared';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, type TestApp } from './test-app.js';

const UNKNOWN = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';

describe('jobs', () => {
  let api: TestApp;
  let fixture: JobsFixture;
  beforeAll(async () => {
    api = await startTestApp();
    fixture = await JobsFixture.create(api);
  });
  afterAll(() => api.close());

  describe('POST /jobs', () => {
    it('should answer 201 with a pending job in the shape of the contract', async () => {
      const { status, body } = await api.send<Job>('POST /jobs', { body: fixture.submission });
      expect(status).toBe(201);
      expect(body).toMatchObject({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        tenantId: 'tenant_demo',
        type: 'lora-training',
        status: 'pending',
        payload: fixture.submission.payload,
        result: null,
        costTok: null,
        startedAt: null,
        finishedAt: null,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        updatedAt: expect.any(String),
      });
    });

    it.each([
      ['no body', {}, ['type', 'payload']],
      ['an unknown type', { type: 'cooking', payload: {} }, ['type', 'payload.datasetId', 'payload.loraConfigId']],
      ['an unknown field', { colour: 'red' }, ['type', 'payload', 'colour']],
      ['a priority beyond the limit', { priority: 101 }, ['type', 'payload', 'priority']],
    ])('should refuse %s with 400 and name the fields', async (_, body, fields) => {
      const answer = await api.send<ErrorBody>('POST /jobs', { body });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ statusCode: 400, message: 'Validation failed' });
      expect(Object.keys(answer.body.errors?.fieldErrors ?? {}).sort()).toEqual([...fields].sort());
    });

    it('should answer 404 for datasets and configurations that are unknown or another tenant’s', async () => {
      const other = await JobsFixture.create(api, OTHER_TENANT);
      const mixed = { ...fixture.submission.payload, datasetId: other.dataset.id };
      const foreign = await api.send('POST /jobs', { body: { type: 'lora-training', payload: mixed } });
      const unknown = await api.send('POST /jobs', {
        body: { type: 'lora-training', payload: { ...mixed, datasetId: UNKNOWN } },
      });
      expect([foreign.status, unknown.status]).toEqual([404, 404]);
      expect(foreign.text.replaceAll(other.dataset.id, UNKNOWN)).toBe(unknown.text);
    });

    it('should refuse a dataset that is not ready with 409', async () => {
      const failed = await api.send<{ id: string }>('POST /datasets', {
        body: { kind: 'lora-training', path: fixture.dataset.path },
      });
      await api.send(`PATCH /datasets/${failed.body.id}/status`, { body: { status: 'failed' } });
      const payload = { ...fixture.submission.payload, datasetId: failed.body.id };
      const answer = await api.send<ErrorBody>('POST /jobs', { body: { type: 'lora-training', payload } });
      expect(answer).toMatchObject({ status: 409, body: { code: 'dataset_not_ready' } });
    });

    it('should keep what was submitted when the configuration changes later', async () => {
      const job = await fixture.submit();
      await api.send(`PATCH /lora-configs/${fixture.config.id}`, { body: { epochs: 99 } });
      const { spec } = await api.app
        .get((await import('../src/database/database.js')).Database)
        .prisma.job.findUniqueOrThrow({ where: { id: job.id } });
      expect(spec).toMatchObject({
        training: { epochs: 10 },
        dataset: { triggerWord: 'ohwx' },
        baseModel: 'tiny-image',
      });
    });

    it('should give every job an output folder of its own', async () => {
      const dirs = await Promise.all([fixture.submit(), fixture.submit(), fixture.submit()]);
      const rows = await api.app
        .get((await import('../src/database/database.js')).Database)
        .prisma.job.findMany({ where: { id: { in: dirs.map((job) => job.id) } }, select: { outputDir: true } });
      expect(new Set(rows.map((row) => row.outputDir)).size).toBe(3);
    });

    it('should take submissions of several tenants with one configuration name at a time', async () => {
      const tenants = await Promise.all(
        Array.from({ length: 6 }, (_, index) => JobsFixture.create(api, `tenant_same_${index}`, { name: 'Same name' })),
      );
      const jobs = await Promise.all(tenants.flatMap((tenant) => [tenant.submit(), tenant.submit()]));
      expect(new Set(jobs.map((job) => job.id)).size).toBe(12);
    });

    it('should answer while many configurations of the tenant are created', async () => {
      const configs = Array.from({ length: 30 }, (_, index) =>
        api.send('POST /lora-configs', { body: { name: `flood ${index}`, modelName: 'tiny-image', isDefault: true } }),
      );
      const answers = await Promise.all([
        ...configs,
        ...Array.from({ length: 10 }, () => api.send('POST /jobs', { body: fixture.submission })),
      ]);
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    });

    it('should create one job for fifty parallel posts with one Idempotency-Key', async () => {
      const posts = Array.from({ length: 50 }, () =>
        api.send<Job>('POST /jobs', { body: fixture.submission, headers: { 'idempotency-key': 'once' } }),
      );
      const answers = await Promise.all(posts);
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
      expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    });
  });

  describe('admission', () => {
    it('should queue jobs beyond the tenant’s limit and say why', async () => {
      const busy = await JobsFixture.create(api, 'tenant_busy');
      const jobs = await Promise.all(Array.from({ length: 8 }, () => busy.submit()));
      const statuses = jobs.map((job) => job.status).sort();
      expect(statuses).toEqual([...Array<string>(5).fill('pending'), ...Array<string>(3).fill('queued')]);
      expect(jobs.find((job) => job.status === 'queued')?.waitingReason).toContain('limit of 5');
    });

    it('should admit the next by priority when one ends', async () => {
      const busy = await JobsFixture.create(api, 'tenant_waiting');
      const first = await Promise.all(Array.from({ length: 5 }, () => busy.submit()));
      const ordinary = await busy.submit();
      const urgent = await busy.submit({ priority: 10 });
      await api.send(`POST /jobs/${first[0]?.id}/cancel`, { tenant: busy.tenant });
      await until(async () => (await busy.get(urgent.id)).status === 'pending');
      expect((await busy.get(ordinary.id)).status).toBe('queued');
    });
  });

  describe('GET /jobs', () => {
    it('should page, filter and count', async () => {
      const paged = await JobsFixture.create(api, 'tenant_paged');
      const jobs = [await paged.submit(), await paged.submit(), await paged.submit()];
      await paged.patch(jobs[0]?.id ?? '', { status: 'running' });
      const page = await api.send<Page<Job>>('GET /jobs?take=2&skip=1', { tenant: paged.tenant });
      expect(page.body).toMatchObject({ total: 3, take: 2, skip: 1 });
      expect(page.body.data.map((job) => job.id)).toEqual([jobs[1]?.id, jobs[0]?.id]);
      expect(
        Object.fromEntries(['x-total-count', 'x-take', 'x-skip'].map((name) => [name, page.headers.get(name)])),
      ).toEqual({
        'x-total-count': '3',
        'x-take': '2',
        'x-skip': '1',
      });
      const running = await api.send<Page<Job>>('GET /jobs?status=running&type=lora-training', {
        tenant: paged.tenant,
      });
      expect(running.body).toMatchObject({ total: 1, data: [{ id: jobs[0]?.id }] });
    });

    it('should tell what learns from text from what learns from pictures', async () => {
      const tenant = 'tenant_kinds';
      const pictures = await (await JobsFixture.create(api, tenant)).submit();
      const { body: dataset } = await api.send<Dataset>('POST /datasets/texts', { tenant, body: { texts: ['a'] } });
      const payload = { datasetId: dataset.id, config: { modelName: 'tiny-text' } };
      const texts = await api.send<Job>('POST /jobs', { tenant, body: { type: 'lora-training', payload } });
      for (const [kind, id] of [
        ['image', pictures.id],
        ['text', texts.body.id],
      ]) {
        const { body } = await api.send<Page<Job>>(`GET /jobs?kind=${kind}&status=pending`, { tenant });
        expect([kind, body.total, body.data.map((job) => job.id)]).toEqual([kind, 1, [id]]);
      }
    });

    it.each(['take=0', 'take=101', 'skip=-1', 'status=done', 'colour=red'])(
      'should refuse %s with 400',
      async (query) => {
        const answer = await api.send<ErrorBody>(`GET /jobs?${query}`);
        expect(answer.status).toBe(400);
        expect(Object.keys(answer.body.errors?.fieldErrors ?? {})).toEqual([query.split('=')[0]]);
      },
    );
  });

  describe('GET /jobs/series', () => {
    it('should count outcomes per day', async () => {
      const tenant = 'tenant_series';
      const counted = await JobsFixture.create(api, tenant);
      const jobs = await Promise.all(Array.from({ length: 6 }, () => counted.submit()));
      for (const { id, status } of jobs
        .filter((job) => job.status === 'pending')
        .slice(0, 2)
        .map((job, index) => ({ id: job.id, status: ['completed', 'failed'][index] }))) {
        await counted.patch(id, { status: 'running' });
        await counted.patch(id, { status });
      }
      await until(async () => (await api.send<JobSeries>('GET /jobs/series', { tenant })).body.data[0]?.pending === 4);
      const { body } = await api.send<JobSeries>('GET /jobs/series', { tenant });
      const today = jobs[0]!.createdAt.slice(0, 10);
      expect(body).toEqual({
        window: 'week',
        data: [{ date: today, completed: 1, failed: 1, pending: 4, running: 0, cancelled: 0 }],
      });
    });

    it('should refuse an unknown window', async () => {
      expect((await api.send('GET /jobs/series?window=year')).status).toBe(400);
    });
  });

  describe('tenancy', () => {
    const routes = [
      'GET /jobs/:id',
      'PATCH /jobs/:id',
      'POST /jobs/:id/cancel',
      'GET /jobs/:id/logs',
      'POST /jobs/:id/logs',
      'GET /jobs/:id/metrics',
      'GET /jobs/:id/artifacts',
      'GET /jobs/:id/artifacts/x.png',
      'GET /jobs/:id/events',
    ];
    const bodies: Record<string, unknown> = {
      'PATCH /jobs/:id': {},
      'POST /jobs/:id/logs': {
        attempt: 1,
        lines: [{ seq: 0, stream: 'stdout', text: 'x', at: '2026-01-01T00:00:00.000Z' }],
      },
    };

    it.each([...routes, 'GET /jobs', 'POST /jobs', 'GET /jobs/series'])(
      'should answer %s without a tenant with 401',
      async (route) => {
        const answer = await api.send<ErrorBody>(route.replace(':id', UNKNOWN), { tenant: null, body: bodies[route] });
        expect(answer).toMatchObject({ status: 401, body: { statusCode: 401, code: 'tenant_missing' } });
      },
    );

    it.each(routes)('should answer %s for another tenant’s job like for an unknown one', async (route) => {
      const { id } = await fixture.submit();
      const [foreign, unknown] = await Promise.all(
        [id, UNKNOWN].map((target) =>
          api.send(route.replace(':id', target), { tenant: OTHER_TENANT, body: bodies[route] }),
        ),
      );
      expect([foreign?.status, unknown?.status]).toEqual([404, 404]);
      expect(foreign?.text.replaceAll(id, UNKNOWN)).toBe(unknown?.text);
      expect((await fixture.get(id)).status).not.toBe('cancelled');
    });

    it('should answer an id that is no UUID with 404', async () => {
      expect(await api.send('GET /jobs/clx4kd5m70000ghi')).toMatchObject({
        status: 404,
        body: { statusCode: 404, message: 'Job clx4kd5m70000ghi not found' },
      });
    });
  });
});

/** Polls a condition that the dispatcher brings about. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('The condition did not come true within 10 s.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
