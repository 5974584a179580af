import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedJob, Scope } from '@influencerai/shared';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, TENANT, type TestApp } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

let api: TokenApp;
let tenant: TestApp;
let tenantKey: string;
let fleet: TestApp;
let otherFleet: TestApp;
let worker: HttpWorker;
let fixture: JobsFixture;
let job: ClaimedJob;

const keyOf = async (scopes: Scope[], owner: string | null) => (await api.makeKey(scopes, { tenant: owner })).key;

beforeAll(async () => {
  api = await startTokenApp();
  tenantKey = await keyOf(['read', 'write'], TENANT);
  tenant = api.as(tenantKey);
  fleet = api.as(api.workerKey);
  otherFleet = api.as(await keyOf(['worker'], null));
  const body = { maxConcurrentJobs: 100 };
  await api.send(`PATCH /tenants/${TENANT}`, { key: api.operatorKey, body });
  fixture = await JobsFixture.create(tenant);
});
afterAll(() => api.close());

beforeEach(async () => {
  worker = await new HttpWorker(fleet).register();
  await fixture.submit();
  job = (await worker.claim())!;
});

const report = (as: TestApp, body: object, tenantId = TENANT) =>
  as.send(`PATCH /jobs/${job.jobId}`, { tenant: tenantId, body });

describe('workers with a key', () => {
  it('should report on the attempt that they hold', async () => {
    const { attempt } = job;
    expect((await report(fleet, { attempt, status: 'running', result: { progress: { currentStep: 1 } } })).status).toBe(
      200,
    );
    const lines = [{ seq: 1, stream: 'stdout', text: 'hello', at: new Date().toISOString() }];
    const logs = await fleet.send(`POST /jobs/${job.jobId}/logs`, { tenant: TENANT, body: { attempt, lines } });
    expect(logs.status).toBe(204);
    const file = await fetch(`${api.url}/jobs/${job.jobId}/artifacts/a.png?attempt=${attempt}&kind=sample`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${api.workerKey}`,
        'x-tenant-id': TENANT,
        'content-type': 'application/octet-stream',
      },
      body: 'x',
    });
    expect(file.status).toBe(200);
    for (const route of ['artifacts', 'dataset', 'dataset/files?name=a.txt']) {
      expect((await fleet.send(`GET /jobs/${job.jobId}/${route}`, { tenant: TENANT })).status).toBe(200);
    }
    const end = { attempt, status: 'completed', result: {} };
    expect([(await report(fleet, end)).status, (await report(fleet, end)).status]).toEqual([200, 200]);
    for (const route of ['artifacts', 'artifacts/a.png', 'metrics', 'dataset', 'dataset/files?name=a.txt']) {
      const late = await fleet.send(`GET /jobs/${job.jobId}/${route}`, { tenant: TENANT });
      expect([route, late.problem.code]).toEqual([route, 'job_not_held']);
    }
  });

  it('should have to say for which attempt they speak', async () => {
    expect(await report(fleet, { status: 'completed' })).toMatchObject({
      status: 400,
      problem: { errors: { fieldErrors: { attempt: [expect.stringMatching(/attempt/)] } } },
    });
  });

  it('should not report on what the worker of another key holds', async () => {
    expect(await report(otherFleet, { attempt: job.attempt, status: 'completed' })).toMatchObject({
      status: 409,
      problem: { code: 'job_not_held' },
    });
    for (const route of ['metrics', 'dataset', 'dataset/files?name=a.txt']) {
      const answer = await otherFleet.send(`GET /jobs/${job.jobId}/${route}`, { tenant: TENANT });
      expect([answer.status, answer.problem.code]).toEqual([409, 'job_not_held']);
    }
    expect((await fixture.get(job.jobId)).status).toBe('running');
  });

  it('should not find the job under another tenant', async () => {
    expect(await report(fleet, { attempt: job.attempt }, OTHER_TENANT)).toMatchObject({ status: 404 });
  });

  it('should not read or write anything else of the tenant', async () => {
    for (const route of ['GET /jobs', 'GET /datasets', `GET /jobs/${job.jobId}`, `POST /jobs/${job.jobId}/cancel`]) {
      expect(await fleet.send(route, { tenant: TENANT })).toMatchObject({ problem: { code: 'scope_missing' } });
    }
  });

  it("should not speak as another key's worker", async () => {
    const thief = new HttpWorker(otherFleet, worker.id);
    await thief.register();
    expect(await thief.claim()).toBeUndefined();
    expect((await thief.heartbeat([{ jobId: job.jobId, attempt: job.attempt }])).status).toBe(404);
    expect((await worker.heartbeat([{ jobId: job.jobId, attempt: job.attempt }])).body.jobs).toMatchObject([
      { directive: 'continue' },
    ]);
  });
});

describe('tenants with a key', () => {
  it('should not report on what a worker holds', async () => {
    expect(await report(tenant, { attempt: job.attempt, status: 'completed' })).toMatchObject({
      status: 409,
      problem: { code: 'job_held_by_worker' },
    });
    const lines = [{ seq: 1, stream: 'stdout', text: 'forged', at: new Date().toISOString() }];
    const logs = await tenant.send(`POST /jobs/${job.jobId}/logs`, { body: { attempt: job.attempt, lines } });
    expect(logs.problem.code).toBe('job_held_by_worker');
  });

  it('should report on a job that they drive themselves', async () => {
    const { id } = await fixture.submit();
    expect((await fixture.patch(id, { status: 'running' })).status).toBe(200);
    expect((await fixture.patch(id, { status: 'completed', result: {} })).status).toBe(200);
  });

  it('should not plant a state for a worker to resume from', async () => {
    const { id } = await fixture.submit();
    await fixture.patch(id, { status: 'running' });
    const path = `/jobs/${id}/artifacts/state-9.tar?attempt=1&kind=state&step=9`;
    const headers = { 'content-type': 'application/octet-stream', authorization: `Bearer ${tenantKey}` };
    const planted = await fetch(api.url + path, { method: 'PUT', headers, body: 'a pickle' });
    expect([planted.status, await planted.json()]).toEqual([409, expect.objectContaining({ code: 'job_not_held' })]);
    await fixture.patch(id, { status: 'pending', attempt: 1 });
    expect((await worker.claim())?.jobId).toBe(id);
    const states = await fleet.send<{ data: unknown[] }>(`GET /jobs/${id}/artifacts?kind=state`, { tenant: TENANT });
    expect([states.status, states.body.data]).toEqual([200, []]);
  });

  it('should cancel what a worker holds', async () => {
    expect((await tenant.send(`POST /jobs/${job.jobId}/cancel`)).status).toBe(200);
    expect((await worker.heartbeat([{ jobId: job.jobId, attempt: job.attempt }])).body.jobs).toMatchObject([
      { directive: 'cancel' },
    ]);
  });
});
