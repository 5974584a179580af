import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import {
  CreateJobSchema,
  type Directive,
  type Job,
  type JobEvent,
  type Page,
  type Session,
} from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { Dispatcher } from '../src/dispatcher/dispatcher.js';
import { JobNotifications } from '../src/events/job-notifications.js';
import { JobsService } from '../src/jobs/jobs.service.js';
import { SessionsRepository } from '../src/jobs/sessions/sessions.repository.js';
import { aPrincipal } from './a-principal.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { startReplica, startTestApp, type TestApp } from './test-app.js';

describe('sessions', () => {
  let api: TestApp;
  let tenants = 0;

  beforeAll(async () => {
    // The sweep runs when a test asks for it.
    api = await startTestApp({ env: { SWEEP_MS: '86400000', SESSION_IDLE_MS: '90000' } });
  });
  afterAll(() => api.close());

  const aTenant = () => JobsFixture.create(api, `tenant_sessions_${++tenants}`);

  const submit = async (fixture: JobsFixture, session: object) =>
    api.send<Job>('POST /jobs', { tenant: fixture.tenant, body: { ...fixture.submission, session } });

  const start = async (session: object = { maxSteps: 200 }) => {
    const fixture = await aTenant();
    const { body, status, text } = await submit(fixture, session);
    if (status !== 201) throw new Error(text);
    return { fixture, id: body.id };
  };

  const grant = ({ tenant }: JobsFixture, id: string, steps: unknown, headers: Record<string, string> = {}) =>
    api.send<Session>(`POST /jobs/${id}/steps`, { tenant, body: { steps }, headers });

  const read = async ({ tenant }: JobsFixture, id: string): Promise<Session> =>
    (await api.send<Session>(`GET /jobs/${id}/session`, { tenant })).body;

  const run = (text: string, values: unknown[]) => api.app.get(Database).pool.query(text, values);

  /** Claims exactly this job, whatever else waits. */
  const claim = async (id: string) => {
    await run(`update job set status = 'cancelled', finished_at = now() where status = 'pending' and id <> $1`, [id]);
    const worker = await new HttpWorker(api).register();
    const job = await worker.claim();
    if (job?.jobId !== id) throw new Error(`Got ${job?.jobId} in place of ${id}.`);
    return { worker, job };
  };

  const admitted = async (fixture: JobsFixture, id: string) => {
    await api.app.get(Dispatcher).sweep();
    return fixture.get(id);
  };

  describe('POST /jobs with a session', () => {
    it('should wait for its first steps without taking room', async () => {
      const { fixture, id } = await start({ name: 'first', maxSteps: 200, idleSeconds: 60 });
      expect(await admitted(fixture, id)).toMatchObject({
        status: 'queued',
        waitingReason: /waiting for the next ones/,
      });
      expect(await read(fixture, id)).toMatchObject({
        ...{ error: null, cancelRequestedAt: null },
        ...{ id, name: 'first', stage: 'parked', status: 'queued', maxSteps: 200, idleSeconds: 60 },
        ...{
          allowedSteps: 0,
          completedSteps: 0,
          remainingSteps: 0,
          lastCheckpointStep: null,
          lastCheckpointPath: null,
        },
      });
      expect(await fixture.submit()).toMatchObject({ status: 'pending' });
    });

    it.each(['completed', 'failed', 'cancelled'])('should have changed when its job ended: %s', async (status) => {
      const { fixture, id } = await start({ maxSteps: 10, steps: 10 });
      await admitted(fixture, id);
      const { attempt } = (await claim(id)).job;
      await run(`update job_session set updated_at = now() - interval '1 hour' where job_id = $1`, [id]);
      if (status === 'cancelled') await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      await api.send(`PATCH /jobs/${id}`, { tenant: fixture.tenant, body: { attempt, status, result: {} } });
      const job = await fixture.get(id);
      const session = await read(fixture, id);
      expect([session.status, session.updatedAt]).toEqual([status, job.updatedAt]);
    });

    it('should wait for a worker when it comes with steps, at most as many as there are', async () => {
      const { fixture, id } = await start({ maxSteps: 50, steps: 80 });
      expect(await read(fixture, id)).toMatchObject({
        stage: 'waiting',
        status: 'pending',
        allowedSteps: 50,
        idleSeconds: 90,
      });
    });

    it('should freeze its steps in place of those of the configuration', async () => {
      const { fixture, id } = await start({ maxSteps: 70 });
      const { body } = await api.send<{ spec: { training: { maxSteps: number } } }>(`GET /jobs/${id}/manifest`, {
        tenant: fixture.tenant,
      });
      expect(body.spec.training.maxSteps).toBe(70);
    });

    it('should take a name once for each tenant, and again when its session is deleted', async () => {
      const { fixture, id } = await start({ name: 'mine', maxSteps: 5 });
      const second = await submit(fixture, { name: 'mine', maxSteps: 5 });
      expect([second.status, second.problem.code]).toEqual([409, 'session_name_taken']);
      expect((await api.send<Page<Job>>('GET /jobs', { tenant: fixture.tenant })).body.total).toBe(1);
      await start({ name: 'mine', maxSteps: 5 });
      await api.send(`DELETE /jobs/${id}/session`, { tenant: fixture.tenant });
      expect((await submit(fixture, { name: 'mine', maxSteps: 5 })).status).toBe(201);
    });

    it.each([
      [{}, 'session.maxSteps'],
      [{ maxSteps: 0 }, 'session.maxSteps'],
      [{ maxSteps: 10_000_001 }, 'session.maxSteps'],
      [{ maxSteps: 5, steps: -1 }, 'session.steps'],
      [{ maxSteps: 5, idleSeconds: 0 }, 'session.idleSeconds'],
      [{ maxSteps: 5, name: '../x' }, 'session.name'],
      [{ maxSteps: 5, name: '' }, 'session.name'],
    ])('should refuse %j and name %s', async (session, field) => {
      const { status, problem } = await submit(await aTenant(), session);
      expect(status).toBe(400);
      expect(Object.keys(problem.errors?.fieldErrors ?? {})).toEqual([field]);
    });
  });

  describe('POST /jobs/:id/steps', () => {
    it('should admit a session that waited for them', async () => {
      const { fixture, id } = await start();
      const { status, body } = await grant(fixture, id, 100);
      expect(status).toBe(201);
      expect(body).toMatchObject({ id, allowedSteps: 100, remainingSteps: 100, stage: 'waiting' });
      expect(await admitted(fixture, id)).toMatchObject({ status: 'pending', waitingReason: expect.any(String) });
    });

    it('should add up what ten clients grant at once, while a worker holds the session', async () => {
      const { fixture, id } = await start({ maxSteps: 1000, steps: 1 });
      await claim(id);
      const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => grant(fixture, id, index + 1)));
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
      expect(await read(fixture, id)).toMatchObject({ allowedSteps: 56, stage: 'training' });
    });

    it('should add up to all steps and no further', async () => {
      const { fixture, id } = await start({ maxSteps: 25 });
      const answers = await Promise.all(Array.from({ length: 10 }, () => grant(fixture, id, 10)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
      const refused = answers.filter(({ status }) => status !== 201);
      expect(refused.map(({ status, problem }) => [status, problem.code])).toEqual(
        Array(7).fill([409, 'session_fully_granted']),
      );
      expect((await read(fixture, id)).allowedSteps).toBe(25);
    });

    it('should grant once under one idempotency key, even at the same moment', async () => {
      const { fixture, id } = await start();
      const headers = { 'idempotency-key': randomUUID() };
      const answers = await Promise.all([1, 2, 3].map(() => grant(fixture, id, 40, headers)));
      const repeated = await grant(fixture, id, 40, headers);
      expect(repeated.body.allowedSteps).toBe(40);
      expect(answers.every(({ status }) => [201, 409].includes(status))).toBe(true);
      expect((await read(fixture, id)).allowedSteps).toBe(40);
      expect((await grant(fixture, id, 41, headers)).status).toBe(422);
    });

    it('should find the grant of a request whose answer was lost', async () => {
      const { fixture, id } = await start();
      const headers = { 'idempotency-key': randomUUID() };
      await grant(fixture, id, 40, headers);
      // As if the API had died between the commit and the answer.
      await run(
        `update idempotency_key set status = null, body = null, created_at = now() - interval '1 hour' where key = $1`,
        [headers['idempotency-key']],
      );
      expect((await grant(fixture, id, 40, headers)).body.allowedSteps).toBe(40);
      expect((await read(fixture, id)).allowedSteps).toBe(40);
    });

    it('should reach the worker that holds the session at once, and again with every heartbeat', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      const { worker, job } = await claim(id);
      expect(job.session).toEqual({ allowedSteps: 10, idleMs: 90_000, isContinued: false });
      const heard = new Promise((resolve) => {
        const stop = api.app.get(JobNotifications).subscribe((notification) => {
          if (notification.jobId !== id || notification.type !== 'steps-granted') return;
          stop();
          resolve(notification);
        });
      });
      await grant(fixture, id, 5);
      expect(await heard).toMatchObject({ workerId: worker.id, attempt: 1, allowedSteps: 15 });
      const { body } = await worker.heartbeat([{ jobId: id, attempt: 1 }]);
      expect(body.jobs as Directive[]).toEqual([{ jobId: id, attempt: 1, directive: 'continue', allowedSteps: 15 }]);
    });

    it('should refuse steps for a job that is over, and for one that is no session', async () => {
      const { fixture, id } = await start();
      await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      const over = await grant(fixture, id, 5);
      expect([over.status, over.problem.code]).toEqual([409, 'session_over']);
      const plain = await grant(fixture, (await fixture.submit()).id, 5);
      expect([plain.status, plain.problem.code]).toEqual([404, 'session_not_found']);
    });

    it.each([0, -1, 1.5, '5', null, 10_000_001])('should refuse %j steps', async (steps) => {
      const { fixture, id } = await start();
      expect((await grant(fixture, id, steps)).status).toBe(400);
    });

    it('should stand in the history of the job', async () => {
      const { fixture, id } = await start();
      await grant(fixture, id, 30);
      await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      const { text } = await api.send(`GET /jobs/${id}/events`, { tenant: fixture.tenant });
      const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as JobEvent);
      expect(events.find(({ type }) => type === 'steps-granted')).toMatchObject({ steps: 30, allowedSteps: 30 });
    });
  });

  describe('a session that is handed back', () => {
    const report = (fixture: JobsFixture, id: string, body: object) => fixture.patch(id, { attempt: 1, ...body });

    it('should be parked when its steps are done, and leave its room to others', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      await claim(id);
      await report(fixture, id, { steps: 10 });
      expect(await read(fixture, id)).toMatchObject({ stage: 'paused', completedSteps: 10, remainingSteps: 0 });
      expect((await report(fixture, id, { status: 'pending', steps: 10 })).body.status).toBe('queued');
      expect(await admitted(fixture, id)).toMatchObject({ status: 'queued' });
      expect((await read(fixture, id)).stage).toBe('parked');
      await grant(fixture, id, 5);
      expect(await admitted(fixture, id)).toMatchObject({ status: 'pending' });
      expect((await claim(id)).job).toMatchObject({ attempt: 2, session: { allowedSteps: 15 } });
    });

    it('should wait for a worker when it has steps left', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      await claim(id);
      expect((await report(fixture, id, { status: 'pending', steps: 4 })).body.status).toBe('pending');
      expect(await read(fixture, id)).toMatchObject({ stage: 'waiting', completedSteps: 4, remainingSteps: 6 });
    });

    it('should go on whatever comes first, the grant or the hand-over', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
        await claim(id);
        await Promise.all([report(fixture, id, { status: 'pending', steps: 10 }), grant(fixture, id, 5)]);
        expect(await admitted(fixture, id)).toMatchObject({ status: 'pending' });
      }
    });

    it('should be parked when its worker died between two budgets', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      await claim(id);
      await report(fixture, id, { steps: 10 });
      await run(`update job set lease_expires_at = now() - interval '1 second' where id = $1`, [id]);
      expect(await admitted(fixture, id)).toMatchObject({ status: 'queued' });
    });

    it('should come to its end when its worker died after the last of all steps', async () => {
      const { fixture, id } = await start({ maxSteps: 10, steps: 10 });
      await claim(id);
      await report(fixture, id, { steps: 10 });
      await run(`update job set lease_expires_at = now() - interval '1 second' where id = $1`, [id]);
      expect(await admitted(fixture, id)).toMatchObject({ status: 'pending' });
    });

    it('should never count steps down, nor those of an attempt that is over', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 50 });
      await claim(id);
      await report(fixture, id, { steps: 30 });
      await report(fixture, id, { steps: 20 });
      expect((await fixture.patch(id, { attempt: 7, steps: 40 })).status).toBe(409);
      expect((await read(fixture, id)).completedSteps).toBe(30);
    });

    it('should count no steps that were not granted, nor any before it runs', async () => {
      const { fixture, id } = await start({ maxSteps: 2000 });
      await fixture.patch(id, { steps: 2000 });
      expect(await admitted(fixture, id)).toMatchObject({ status: 'queued' });
      await grant(fixture, id, 10);
      await admitted(fixture, id);
      await claim(id);
      await report(fixture, id, { steps: 2000 });
      expect(await read(fixture, id)).toMatchObject({ completedSteps: 10, stage: 'paused' });
    });
  });

  describe('POST /jobs/:id/session/release', () => {
    it('should ask the worker that holds it, until that attempt is over', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      const { worker } = await claim(id);
      const answer = await api.send<Session>(`POST /jobs/${id}/session/release`, { tenant: fixture.tenant });
      expect([answer.status, answer.body.stage]).toEqual([200, 'training']);
      const { body } = await worker.heartbeat([{ jobId: id, attempt: 1 }]);
      expect(body.jobs).toEqual([{ jobId: id, attempt: 1, directive: 'release' }]);
      await fixture.patch(id, { attempt: 1, status: 'pending', steps: 3 });
      const second = await claim(id);
      expect((await second.worker.heartbeat([{ jobId: id, attempt: 2 }])).body.jobs).toMatchObject([
        { directive: 'continue' },
      ]);
    });

    it('should leave one alone that nobody holds', async () => {
      const { fixture, id } = await start();
      const answer = await api.send<Session>(`POST /jobs/${id}/session/release`, { tenant: fixture.tenant });
      expect([answer.status, answer.body.stage]).toEqual([200, 'parked']);
    });
  });

  describe('DELETE /jobs/:id/session', () => {
    it('should end the session and keep the job', async () => {
      const { fixture, id } = await start({ maxSteps: 100, steps: 10 });
      const { worker } = await claim(id);
      const { status, body } = await api.send<Job>(`DELETE /jobs/${id}/session`, { tenant: fixture.tenant });
      expect(status).toBe(200);
      expect(body).toMatchObject({ id, status: 'running', cancelRequestedAt: expect.any(String) });
      expect((await worker.heartbeat([{ jobId: id, attempt: 1 }])).body.jobs).toMatchObject([{ directive: 'cancel' }]);
      expect((await api.send(`GET /jobs/${id}/session`, { tenant: fixture.tenant })).status).toBe(404);
      expect((await fixture.get(id)).id).toBe(id);
    });

    it('should take one that is over', async () => {
      const { fixture, id } = await start();
      await api.send(`POST /jobs/${id}/cancel`, { tenant: fixture.tenant });
      expect((await api.send<Job>(`DELETE /jobs/${id}/session`, { tenant: fixture.tenant })).body.status).toBe(
        'cancelled',
      );
    });
  });

  describe('a session of a name that was deleted', () => {
    const SAVED = { name: 'moved', maxSteps: 100, steps: 30 };

    const put = async ({ tenant }: JobsFixture, id: string, { kind, step }: { kind: string; step: number }) => {
      const name = `step-${step}.${kind === 'state' ? 'tar' : 'safetensors'}`;
      const answer = await fetch(`${api.url}/jobs/${id}/artifacts/${name}?attempt=1&kind=${kind}&step=${step}`, {
        method: 'PUT',
        headers: { 'x-tenant-id': tenant, 'content-type': 'application/octet-stream' },
        body: `${kind} of ${id}`,
      });
      expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
    };

    /** One that is saved at step 30, with weights, while its worker still has it. */
    const saved = async () => {
      const { fixture, id } = await start(SAVED);
      await claim(id);
      await put(fixture, id, { kind: 'checkpoint', step: 30 });
      await put(fixture, id, { kind: 'state', step: 30 });
      await fixture.patch(id, { attempt: 1, steps: 30 });
      const end = (status = 'cancelled') => fixture.patch(id, { attempt: 1, status, result: {} });
      return { fixture, id, end };
    };

    const remove = ({ tenant }: JobsFixture, id: string) => api.send(`DELETE /jobs/${id}/session`, { tenant });

    /** The same, deleted. */
    const deleted = async () => {
      const session = await saved();
      await remove(session.fixture, session.id);
      return session;
    };

    /** Does something while a submission waits for the deleted session. */
    const whileWaiting = async (work: () => unknown) => {
      const looks = jest.spyOn(SessionsRepository.prototype, 'isEnding');
      await waitUntil(() => looks.mock.calls.length >= 2, { timeoutMs: 20_000, what: 'a second look' });
      looks.mockRestore();
      await work();
    };

    const countJobs = async ({ tenant }: JobsFixture) =>
      (await api.send<Page<Job>>('GET /jobs', { tenant })).body.total;

    const statesOf = async ({ tenant }: JobsFixture, id: string) =>
      (await api.send<{ data: { url: string }[] }>(`GET /jobs/${id}/artifacts?kind=state`, { tenant })).body.data;

    it('should go on from its state once that is saved, on any worker', async () => {
      const { fixture, id, end } = await deleted();
      const again = submit(fixture, { ...SAVED, steps: 0 });
      await end();
      const { status, body } = await again;
      expect(status).toBe(201);
      expect(await read(fixture, body.id)).toMatchObject({
        ...{ completedSteps: 30, allowedSteps: 30, remainingSteps: 0, stage: 'parked' },
        ...{ lastCheckpointStep: 30, lastCheckpointPath: expect.stringMatching(/step-30\.safetensors$/) },
      });
      expect((await grant(fixture, body.id, 50)).body).toMatchObject({ allowedSteps: 80, remainingSteps: 50 });
      await admitted(fixture, body.id);
      expect((await claim(body.id)).job.session).toMatchObject({ allowedSteps: 80, isContinued: true });
      const [state] = await statesOf(fixture, body.id);
      expect((await api.send(`GET ${state?.url}`, { tenant: fixture.tenant })).text).toBe(`state of ${id}`);
      expect(await statesOf(fixture, id)).toEqual([]);
    });

    it('should wait while a worker saves it [004:resumes-saved]', async () => {
      const { fixture, end } = await deleted();
      const again = submit(fixture, SAVED);
      await whileWaiting(end);
      expect(await read(fixture, (await again).body.id)).toMatchObject({ completedSteps: 30, allowedSteps: 60 });
    });

    it('should not begin anew where that takes longer than a request, but say so [004:resumes-saved]', async () => {
      const { fixture, end } = await deleted();
      const input = CreateJobSchema.parse({ ...fixture.submission, session: SAVED });
      const again = api.app.get(JobsService).create(aPrincipal(fixture.tenant), input, { patience: { deadline: 0 } });
      await expect(again).rejects.toMatchObject({ code: 'session_ending', status: 409, isRetryable: true });
      expect(await countJobs(fixture)).toBe(1);
      await end();
      expect(await read(fixture, (await submit(fixture, SAVED)).body.id)).toMatchObject({ completedSteps: 30 });
    });

    it('should make nothing for a client that gave up waiting', async () => {
      const { fixture, end } = await deleted();
      const creations = jest.spyOn(api.app.get(JobsService), 'create');
      const gone = new AbortController();
      const again = fetch(`${api.url}/jobs`, {
        method: 'POST',
        headers: { 'x-tenant-id': fixture.tenant, 'content-type': 'application/json' },
        body: JSON.stringify({ ...fixture.submission, session: SAVED }),
        signal: gone.signal,
      });
      const hangUp = expect(again).rejects.toThrow();
      await whileWaiting(() => gone.abort());
      await hangUp;
      await expect(creations.mock.results[0]?.value).rejects.toMatchObject({ code: 'session_ending' });
      creations.mockRestore();
      await end();
      expect(await countJobs(fixture)).toBe(1);
    });

    it('should not keep a process that stops', async () => {
      const { fixture } = await deleted();
      const replica = await startReplica(api);
      const again = replica.send('POST /jobs', {
        tenant: fixture.tenant,
        body: { ...fixture.submission, session: SAVED },
      });
      await whileWaiting(() => replica.app.get(JobsService).onModuleDestroy());
      expect((await again).problem.code).toBe('session_ending');
      await replica.close();
    });

    it('should not wait to be refused', async () => {
      const { fixture } = await deleted();
      const looks = jest.spyOn(api.app.get(SessionsRepository), 'isEnding');
      const config = { modelName: 'tiny-image' };
      const submission = (payload: object) => ({ tenant: fixture.tenant, body: { ...fixture.submission, ...payload } });
      const unknown = submission({ payload: { datasetId: randomUUID(), config }, session: SAVED });
      expect((await api.send('POST /jobs', unknown)).problem.code).toBe('dataset_not_found');
      const other = { datasetId: fixture.dataset.id, config: { ...config, networkDim: 8 } };
      expect((await api.send('POST /jobs', submission({ payload: other, session: SAVED }))).status).toBe(201);
      expect((await submit(fixture, SAVED)).problem.code).toBe('session_name_taken');
      expect(looks).not.toHaveBeenCalled();
      looks.mockRestore();
    });

    it('should hand state and weights on when it is deleted itself', async () => {
      const { fixture, end } = await deleted();
      await end();
      const second = (await submit(fixture, { ...SAVED, steps: 0 })).body.id;
      await remove(fixture, second);
      const third = (await submit(fixture, { ...SAVED, steps: 0 })).body.id;
      expect(await read(fixture, third)).toMatchObject({
        ...{ completedSteps: 30, lastCheckpointStep: 30 },
        lastCheckpointPath: expect.stringMatching(/step-30\.safetensors$/),
      });
      expect(await statesOf(fixture, third)).toHaveLength(1);
    });

    it('should show no weights that are ahead of the state', async () => {
      const { fixture, id, end } = await saved();
      await put(fixture, id, { kind: 'checkpoint', step: 40 });
      await remove(fixture, id);
      await end();
      const again = (await submit(fixture, { ...SAVED, steps: 0 })).body.id;
      expect(await read(fixture, again)).toMatchObject({ completedSteps: 30, lastCheckpointStep: 30 });
    });

    it('should stay where another one of the name, which did nothing, was deleted after it', async () => {
      const { fixture, end } = await deleted();
      await end();
      const payload = { datasetId: fixture.dataset.id, config: { modelName: 'tiny-image', learningRate: 0.5 } };
      const body = { ...fixture.submission, payload, session: { ...SAVED, steps: 0 } };
      const mistaken = await api.send<Job>('POST /jobs', { tenant: fixture.tenant, body });
      expect(await read(fixture, mistaken.body.id)).toMatchObject({ completedSteps: 0 });
      await remove(fixture, mistaken.body.id);
      const third = (await submit(fixture, { ...SAVED, steps: 0 })).body.id;
      expect(await read(fixture, third)).toMatchObject({ completedSteps: 30 });
    });

    it.each(['completed', 'failed'])('should begin anew where that was %s', async (status) => {
      const { fixture, id, end } = await saved();
      await end(status);
      await remove(fixture, id);
      const again = (await submit(fixture, { ...SAVED, steps: 0 })).body.id;
      expect(await read(fixture, again)).toMatchObject({ completedSteps: 0, lastCheckpointStep: null });
    });

    it.each([
      ['another name', { name: 'other' }, {}],
      ['no name', { name: undefined }, {}],
      ['no more steps than it has done', { maxSteps: 30 }, {}],
      ['another network', {}, { networkDim: 8 }],
      ['another base model', {}, { modelName: 'tiny' }],
    ])('should begin anew with %s', async (_, session, config) => {
      const { fixture, id, end } = await deleted();
      await end();
      const payload = { datasetId: fixture.dataset.id, config: { modelName: 'tiny-image', ...config } };
      const { body } = await api.send<Job>('POST /jobs', {
        tenant: fixture.tenant,
        body: { type: 'lora-training', payload, session: { ...SAVED, steps: 0, ...session } },
      });
      expect(await read(fixture, body.id)).toMatchObject({ completedSteps: 0, lastCheckpointStep: null });
      expect(await statesOf(fixture, id)).toHaveLength(1);
    });
  });

  describe('GET /jobs/sessions', () => {
    it('should list the sessions of the tenant alone, newest first', async () => {
      const fixture = await aTenant();
      const made = [];
      for (const maxSteps of [1, 2, 3]) made.push((await submit(fixture, { maxSteps })).body.id);
      await fixture.submit();
      await start();
      const { body } = await api.send<Page<Session>>('GET /jobs/sessions?take=2', { tenant: fixture.tenant });
      expect(body).toMatchObject({ total: 3, take: 2, skip: 0 });
      expect(body.data.map(({ id }) => id)).toEqual(made.reverse().slice(0, 2));
    });
  });

  it.each(['GET /jobs/ID/session', 'POST /jobs/ID/steps', 'POST /jobs/ID/session/release', 'DELETE /jobs/ID/session'])(
    'should give another tenant the answer of what does not exist: %s',
    async (route) => {
      const { fixture, id } = await start();
      const body = route.endsWith('steps') ? { steps: 1 } : undefined;
      const unknown = randomUUID();
      const [theirs, none] = await Promise.all(
        [id, unknown].map((of) => api.send(route.replace('ID', of), { tenant: 'tenant_stranger', body })),
      );
      expect([theirs?.status, none?.status]).toEqual([404, 404]);
      expect(theirs?.text.replaceAll(id, '')).toBe(none?.text.replaceAll(unknown, ''));
      expect((await read(fixture, id)).allowedSteps).toBe(0);
      expect((await api.send(route.replace('ID', id), { tenant: null, body })).status).toBe(401);
    },
  );
});
