import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canBecome, type ErrorBody, type Job, JOB_STATUSES, type JobStatus, sourcesOf } from '@influencerai/shared';
import { Dispatcher } from '../src/dispatcher/dispatcher.js';
import { SweepLock } from '../src/dispatcher/sweep-lock.repository.js';
import { CONFIG } from '../src/env.js';
import { WorkersRepository } from '../src/fleet/workers.repository.js';
import { JobStateRepository } from '../src/jobs/job-state.repository.js';
import { TaskQueue } from '../src/queue/task-queue.js';
import { Database } from '../src/database/database.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { startTestApp, type TestApp } from './test-app.js';

describe('the states of a job', () => {
  let api: TestApp;
  let database: Database;
  beforeAll(async () => {
    // The sweep runs when a test asks for it.
    api = await startTestApp({ env: { SWEEP_MS: '86400000', MAX_ATTEMPTS: '2' } });
    database = api.app.get(Database);
  });
  afterAll(() => api.close());

  const cases = JOB_STATUSES.flatMap((from) => JOB_STATUSES.map((to): [JobStatus, JobStatus] => [from, to]));

  it.each(cases)('should treat PATCH from %s to %s as the table says', async (from, to) => {
    const fixture = await JobsFixture.create(api, `tenant_${from}_${to}`);
    const { id } = await fixture.submit();
    await bringTo(id, from);
    const answer = await fixture.patch(id, { status: to });
    const isRepeat = from === to && (from === 'running' || sourcesFrom(from).length === 0);
    const isDecidedHere = (from === 'queued' && to === 'pending') || to === 'queued';
    expect(answer.status).toBe((canBecome(from, to) && !isDecidedHere) || isRepeat ? 200 : 409);
    // Only the dispatcher admits, and only the service says that a job waits outside of the limit again.
    expect((await fixture.get(id)).status).toBe(answer.status === 200 ? to : from);
    if (answer.status === 409) expect((answer.body as unknown as ErrorBody).code).toBe('job_transition_refused');
  });

  it('should let one of two concurrent final reports win', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_race');
    const { id } = await fixture.submit();
    await fixture.patch(id, { status: 'running' });
    const reports = [1, 2, 3, 4, 5, 6].map((cost) =>
      fixture.patch(id, { status: cost % 2 ? 'completed' : 'failed', costTok: cost }),
    );
    const answers = await Promise.all(reports);
    const final = await fixture.get(id);
    const events = await database.prisma.jobEvent.findMany({ where: { jobId: id }, orderBy: { id: 'asc' } });
    expect(events.map((event) => (event.data as { to: string }).to)).toEqual(['pending', 'running', final.status]);
    expect(
      answers.filter((answer) => answer.status === 200).every((answer) => answer.body.costTok === final.costTok),
    ).toBe(true);
  });

  describe('the fence', () => {
    it('should refuse every kind of write of an attempt that is over', async () => {
      const { fixture, id, worker } = await running('tenant_fence');
      await expireLease(id);
      await api.app.get(Dispatcher).sweep();
      const second = await (await new HttpWorker(api).register()).claim();
      expect(second).toMatchObject({ jobId: id, attempt: 2 });

      const line = { seq: 0, stream: 'stdout', text: 'late', at: new Date().toISOString() };
      const writes = await Promise.all([
        fixture.patch(id, { attempt: 1, result: { progress: {} } }),
        fixture.patch(id, { attempt: 1, status: 'completed' }),
        fixture.patch(id, { attempt: 1, status: 'pending' }),
        api.send(`POST /jobs/${id}/logs`, { tenant: fixture.tenant, body: { attempt: 1, lines: [line] } }),
        putArtifact(fixture, id, 'late.png', 1),
      ]);
      expect(writes.map((write) => write.status)).toEqual([409, 409, 409, 409, 409]);
      expect((await worker.heartbeat([{ jobId: id, attempt: 1 }])).body.jobs).toMatchObject([{ directive: 'stop' }]);
      expect(await fixture.get(id)).toMatchObject({ status: 'running', attempt: 2, result: null });
      expect(
        (await api.send<{ data: unknown[] }>(`GET /jobs/${id}/artifacts`, { tenant: fixture.tenant })).body.data,
      ).toEqual([]);
    });

    it('should not let an attempt that lost its job start it again', async () => {
      const { fixture, id, worker } = await running('tenant_restart');
      await worker.register([]);
      const answer = await fixture.patch(id, { attempt: 1, status: 'running', result: { progress: {} } });
      expect(answer.status).toBe(409);
      expect(await fixture.get(id)).toMatchObject({ status: 'pending', attempt: 1 });
      await fixture.patch(id, { status: 'cancelled' });
    });

    it('should take two points of one step as one', async () => {
      const { fixture, id } = await running('tenant_points');
      const metrics = [0.5, 0.4].map((loss) => ({ step: 3, epoch: 1, loss }));
      expect((await fixture.patch(id, { attempt: 1, metrics })).status).toBe(200);
    });

    it('should take the same final report twice as one', async () => {
      const { fixture, id } = await running('tenant_twice');
      const report = { attempt: 1, status: 'completed', result: { loraPath: 'data/loras/x.safetensors' } };
      const answers = [await fixture.patch(id, report), await fixture.patch(id, report)];
      expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
      expect(answers[1]?.body).toEqual(answers[0]?.body);
      expect(await database.prisma.jobEvent.count({ where: { jobId: id, type: 'status' } })).toBe(3);
    });
  });

  describe('the progress', () => {
    const at = (currentStep: number, more: object = {}) => ({
      progress: {
        currentStep,
        totalSteps: 40,
        currentEpoch: Math.ceil(currentStep / 10),
        totalEpochs: 4,
        loss: 1 / currentStep,
        ...more,
      },
    });

    it('should stay where clients saw it until the next attempt is past it', async () => {
      const { fixture, id } = await running('tenant_backwards');
      const seen = at(8, { stepsPerSecond: 2, secondsRemaining: 16, estimatedTimeRemaining: '16 seconds' });
      await fixture.patch(id, { attempt: 1, result: seen });
      await expireLease(id);
      await api.app.get(Dispatcher).sweep();
      expect((await fixture.get(id)).result).toEqual(seen);
      await (await new HttpWorker(api).register()).claim();

      const stage = await fixture.patch(id, { attempt: 2, result: { stage: 'Fetching the dataset', trainer: 'tiny' } });
      expect(stage.body.result).toEqual({
        stage: 'Fetching the dataset',
        trainer: 'tiny',
        progress: { ...seen.progress, stepsPerSecond: null, secondsRemaining: null, estimatedTimeRemaining: null },
      });
      const behind = await fixture.patch(id, {
        attempt: 2,
        result: at(6, { stepsPerSecond: 1, secondsRemaining: 34, estimatedTimeRemaining: '34 seconds' }),
      });
      expect(behind.body.result).toEqual({
        progress: { ...seen.progress, stepsPerSecond: 1, secondsRemaining: 34, estimatedTimeRemaining: '34 seconds' },
      });
      for (const step of [8, 9]) {
        expect((await fixture.patch(id, { attempt: 2, result: at(step) })).body.result).toEqual(at(step));
      }
    });

    it('should follow a job that has become shorter than what was done of it', async () => {
      const { fixture, id } = await running('tenant_shorter');
      await fixture.patch(id, { attempt: 1, result: at(30) });
      const { body } = await fixture.patch(id, { attempt: 1, result: at(6, { totalSteps: 20 }) });
      expect(body.result).toEqual(at(6, { totalSteps: 20 }));
    });

    it('should be what somebody outside of the fleet says', async () => {
      const fixture = await JobsFixture.create(api, 'tenant_outside');
      const { id } = await fixture.submit();
      await fixture.patch(id, { status: 'running', result: at(8) });
      for (const result of [at(6), { stage: 'Waiting' }, { progress: 'most of it' }, null]) {
        expect((await fixture.patch(id, { result })).body.result).toEqual(result);
      }
    });

    it.each([
      { progress: 'most of it' },
      { progress: { currentEpoch: 2 } },
      { progress: { currentStep: 'nine' } },
      null,
    ])('should be taken as %j where it names no step to compare', async (result) => {
      const { fixture, id } = await running('tenant_odd_progress');
      await fixture.patch(id, { attempt: 1, result: at(8) });
      expect((await fixture.patch(id, { attempt: 1, result })).body.result).toEqual(result);
      expect((await fixture.patch(id, { attempt: 1, result: at(6) })).body.result).toEqual(at(6));
    });
  });

  describe('leases', () => {
    it('should be extended by heartbeats', async () => {
      const { id, worker } = await running('tenant_lease');
      await expireLease(id);
      expect((await worker.heartbeat([{ jobId: id, attempt: 1 }])).body.jobs).toEqual([
        { jobId: id, attempt: 1, directive: 'continue' },
      ]);
      await api.app.get(Dispatcher).sweep();
      expect((await database.prisma.job.findUniqueOrThrow({ where: { id } })).status).toBe('running');
    });

    it('should send a job back when they end, and fail it when that happened too often', async () => {
      const { fixture, id } = await running('tenant_expiry');
      await expireLease(id);
      await api.app.get(Dispatcher).sweep();
      expect(await fixture.get(id)).toMatchObject({
        status: 'pending',
        attempt: 1,
        waitingReason: expect.stringContaining('Interrupted'),
      });
      await (await new HttpWorker(api).register()).claim();
      await expireLease(id);
      await api.app.get(Dispatcher).sweep();
      expect(await fixture.get(id)).toMatchObject({
        status: 'failed',
        attempt: 2,
        result: { code: 'attempts_exhausted' },
      });
    });

    it('should be renewed after a time in which nobody could extend one', async () => {
      const { fixture, id } = await running('tenant_outage');
      await expireLease(id);
      await database.prisma.sweep.update({ where: { id: 1 }, data: { sweptAt: new Date(Date.now() - 3_600_000) } });
      await api.app.get(Dispatcher).sweep();
      expect(await fixture.get(id)).toMatchObject({ status: 'running', attempt: 1 });
    });

    it('should not be renewed by an API that just started, while another one looked', async () => {
      const { fixture, id } = await running('tenant_crash_loop');
      await expireLease(id);
      const { app } = api;
      await new Dispatcher(
        app.get(CONFIG),
        app.get(JobStateRepository),
        app.get(WorkersRepository),
        app.get(TaskQueue),
        app.get(SweepLock),
      ).sweep();
      expect(await fixture.get(id)).toMatchObject({ status: 'pending' });
    });

    it('should hand back at once what a worker held before it crashed', async () => {
      const { fixture, id, worker } = await running('tenant_crash');
      await worker.register([{ jobId: id, attempt: 1 }]);
      expect((await fixture.get(id)).status).toBe('running');
      await worker.register([]);
      expect((await fixture.get(id)).status).toBe('pending');
      await fixture.patch(id, { status: 'cancelled' });
    });
  });

  describe('POST /jobs/:id/cancel', () => {
    it('should ask the worker, which then reports', async () => {
      const { fixture, id, worker } = await running('tenant_cancel');
      const asked = await api.send<Job>(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      expect(asked).toMatchObject({ status: 200, body: { status: 'running', cancelRequestedAt: expect.any(String) } });
      expect((await worker.heartbeat([{ jobId: id, attempt: 1 }])).body.jobs).toMatchObject([{ directive: 'cancel' }]);
      expect((await fixture.patch(id, { attempt: 1, status: 'cancelled' })).body).toMatchObject({
        status: 'cancelled',
      });
      expect((await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant })).status).toBe(200);
    });

    it('should be carried out by the sweep when the worker is gone', async () => {
      const { fixture, id } = await running('tenant_cancel_gone');
      await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      await expireLease(id);
      await api.app.get(Dispatcher).sweep();
      expect((await fixture.get(id)).status).toBe('cancelled');
    });

    it('should be carried out when the job is handed back by a worker that has not heard of it', async () => {
      const { fixture, id } = await running('tenant_cancel_crossed');
      await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      const { body } = await fixture.patch(id, { attempt: 1, status: 'pending' });
      expect(body).toMatchObject({ status: 'cancelled', finishedAt: expect.any(String), waitingReason: null });
    });

    it('should refuse a job that has ended otherwise', async () => {
      const { fixture, id } = await running('tenant_cancel_late');
      await fixture.patch(id, { attempt: 1, status: 'completed' });
      expect((await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant })).status).toBe(409);
    });
  });

  it('should say when no worker offers the trainer', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_kohya', { modelName: 'sd15' });
    const { id } = await fixture.submit();
    await api.app.get(Dispatcher).sweep();
    expect(await fixture.get(id)).toMatchObject({
      trainer: 'kohya',
      waitingReason: expect.stringContaining('No live worker offers the trainer kohya'),
    });
  });

  it('should say why a trainer cannot start where it is installed', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_broken_trainer', { modelName: 'sd15' });
    const { id } = await fixture.submit();
    const reason = 'Its torch cannot use the GPU of this host: is the driver 570 or newer?';
    const unusable = [{ trainer: 'kohya' as const, reason }];
    const worker = await new HttpWorker(api).register([], { unusable });
    await api.app.get(Dispatcher).sweep();
    expect(await fixture.get(id)).toMatchObject({
      waitingReason: `No live worker offers the trainer kohya. One that has it cannot start it: ${reason}`,
    });
    const { body } = await api.send<{ data: { id: string }[] }>('GET /workers', { tenant: fixture.tenant });
    expect(body.data.find((listed) => listed.id === worker.id)).toMatchObject({ unusable });
    await worker.register();
    await api.app.get(Dispatcher).sweep();
    expect(await fixture.get(id)).toMatchObject({ waitingReason: expect.stringContaining('Start one that does.') });
  });

  it('should offer a job that a worker cannot run to others only, until that worker registers again', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_refused');
    const { id } = await fixture.submit();
    const first = await new HttpWorker(api).register();
    const refusal = 'The base model x is not set up on this worker.';
    expect(await first.claim()).toMatchObject({ jobId: id, attempt: 1 });
    await fixture.patch(id, { attempt: 1, status: 'pending', refusal });
    expect(await fixture.get(id)).toMatchObject({ waitingReason: expect.stringContaining(refusal) });
    expect(await first.claim()).toBeNull();

    const silence = `update worker set heartbeat_at = now() - interval '1 day' where id <> $1`;
    await database.query({ name: 'silence-others', text: silence }, [first.id]);
    await api.app.get(Dispatcher).sweep();
    const waitingReason = `No live worker can run this job. ${refusal}`;
    expect(await fixture.get(id)).toMatchObject({ status: 'pending', waitingReason });

    const second = await new HttpWorker(api).register();
    await api.app.get(Dispatcher).sweep();
    expect(await fixture.get(id)).toMatchObject({ waitingReason: 'Waiting for a free worker slot.' });
    expect(await second.claim()).toMatchObject({ jobId: id, attempt: 2 });
    await fixture.patch(id, { attempt: 2, status: 'pending' });
    await first.register();
    expect(await first.claim()).toMatchObject({ jobId: id, attempt: 3 });
  });

  it.each([
    [
      'lacks what may come by itself',
      'tenant_lacking',
      { refusal: 'The job needs 9 MiB on the disk.', isPassing: true },
    ],
    ['broke it off', 'tenant_short', { interruption: 'The disk of the worker is full.' }],
  ])('should offer a job to a worker that %s again after a while', async (_, tenant, reason) => {
    const { fixture, id, worker } = await running(tenant);
    await fixture.patch(id, { attempt: 1, status: 'pending', ...reason });
    expect(await worker.claim()).toBeNull();
    const later = `update job_refusal set expires_at = expires_at - interval '5 minutes' where job_id = $1`;
    await database.query({ name: 'age-refusal', text: later }, [id]);
    expect(await worker.claim()).toMatchObject({ jobId: id, attempt: 2 });
    await fixture.patch(id, { attempt: 2, status: 'completed' });
  });

  it('should go on elsewhere with an attempt that its host broke off, and fail when that happened too often', async () => {
    const { fixture, id, worker: first } = await running('tenant_broken_off');
    const second = await new HttpWorker(api).register();
    const result = { progress: { currentStep: 5, totalSteps: 10 } };
    const interruption = 'The disk of the worker is full.';
    await fixture.patch(id, { attempt: 1, result });
    await fixture.patch(id, { attempt: 1, status: 'pending', interruption });
    const waitingReason = expect.stringContaining(`another worker. ${interruption}`);
    expect(await fixture.get(id)).toMatchObject({ status: 'pending', result, waitingReason });
    expect(await first.claim()).toBeNull();
    expect(await second.claim()).toMatchObject({ jobId: id, attempt: 2 });
    const { body } = await fixture.patch(id, { attempt: 2, status: 'pending', interruption });
    expect(body).toMatchObject({
      status: 'failed',
      finishedAt: expect.any(String),
      result: { code: 'attempts_exhausted', error: expect.stringContaining(interruption) },
    });
  });

  it('should cancel what its host broke off when that was asked for', async () => {
    const { fixture, id } = await running('tenant_broken_cancelled');
    await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
    const { body } = await fixture.patch(id, { attempt: 1, status: 'pending', interruption: 'The disk is full.' });
    expect(body).toMatchObject({ status: 'cancelled' });
  });

  it('should serve tenants in turn, whoever came first', async () => {
    const tenants = ['tenant_a', 'tenant_b', 'tenant_c'];
    for (const tenant of tenants) {
      const fixture = await JobsFixture.create(api, tenant);
      for (let index = 0; index < 3; index++) await fixture.submit();
    }
    const worker = await new HttpWorker(api).register();
    const order: string[] = [];
    for (let index = 0; index < 9; index++) {
      const claimed = await worker.claim();
      if (claimed && tenants.includes(claimed.tenantId)) order.push(claimed.tenantId);
    }
    expect(order.slice(0, 3).sort()).toEqual(tenants);
    expect(order.slice(3, 6).sort()).toEqual(tenants);
  });

  const sourcesFrom = (status: JobStatus): JobStatus[] => JOB_STATUSES.filter((to) => sourcesOf(to).includes(status));

  async function bringTo(id: string, status: JobStatus): Promise<void> {
    await database.prisma.job.update({ where: { id }, data: { status } });
  }

  async function running(tenant: string) {
    const fixture = await JobsFixture.create(api, tenant);
    await database.prisma.job.updateMany({
      where: { status: { in: ['pending', 'queued'] } },
      data: { status: 'cancelled' },
    });
    const { id } = await fixture.submit();
    const worker = await new HttpWorker(api).register();
    expect(await worker.claim()).toMatchObject({ jobId: id, attempt: 1 });
    return { fixture, id, worker };
  }

  async function expireLease(id: string): Promise<void> {
    await database.prisma.job.update({ where: { id }, data: { leaseExpiresAt: new Date(Date.now() - 1_000) } });
  }
});

function putArtifact(fixture: JobsFixture, id: string, name: string, attempt: number) {
  return fixture.api.send(`PUT /jobs/${id}/artifacts/${name}?attempt=${attempt}&kind=sample&step=1`, {
    tenant: fixture.tenant,
    headers: { 'content-type': 'application/octet-stream' },
    body: 'picture',
  });
}
