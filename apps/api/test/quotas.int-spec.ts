import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { StorageQuota } from '../src/limits/storage-quota.js';
import { UploadsRepository } from '../src/uploads/uploads.repository.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { startTestApp, type TestApp } from './test-app.js';

const LIMIT_BYTES = 1_000;

let api: TestApp;
let quota: StorageQuota;
beforeAll(async () => {
  api = await startTestApp({
    env: {
      MAX_QUEUED_JOBS: '2',
      MAX_STORAGE_BYTES: String(LIMIT_BYTES),
      UPLOAD_MAX_FILE_BYTES: '900',
      ARTIFACT_MAX_BYTES: '5000',
    },
  });
  quota = api.app.get(StorageQuota);
});
afterAll(() => api.close());

const aTenant = async (id: string): Promise<string> => {
  await api.send('GET /datasets', { tenant: id });
  return id;
};
const usedBytes = async (tenant: string) => (await quota.describe(tenant)).usedBytes;

describe('the quota of queued jobs', () => {
  it('should refuse the submission beyond it, name the limit, and leave nothing', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_queue');
    const submit = () => api.send('POST /jobs', { tenant: fixture.tenant, body: fixture.submission });
    const answers = await Promise.all(Array.from({ length: 20 }, submit));
    const refused = answers.filter(({ status }) => status === 429);
    expect([answers.filter(({ status }) => status === 201).length, refused.length]).toEqual([5 + 2, 13]);
    for (const { problem, headers } of refused) {
      expect(problem.code).toBe('quota_exceeded');
      expect(problem.message).toBe("The tenant's quota of 2 queued jobs does not allow 1 more: 2 are used.");
      expect(headers.get('retry-after')).toBe('60');
    }
    const { body } = await api.send<{ total: number }>('GET /jobs', { tenant: fixture.tenant });
    expect(body.total).toBe(7);
  });

  it('should hold for reruns, and let one in when another is gone', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_requeue');
    const jobs = await Promise.all(Array.from({ length: 7 }, () => fixture.submit()));
    const last = jobs.find(({ status }) => status === 'queued');
    const rerun = () => api.send(`POST /jobs/${last?.id}/rerun`, { tenant: fixture.tenant, body: {} });
    expect((await rerun()).status).toBe(429);
    await api.send(`POST /jobs/${last?.id}/cancel`, { tenant: fixture.tenant });
    expect((await rerun()).status).toBe(201);
  });
});

const setLimits = (tenant: string, limits: { maxQueuedJobs?: number; maxStorageBytes?: number }) =>
  api.app.get(Database).prisma.tenant.update({ where: { id: tenant }, data: limits });

describe("a tenant's own quotas", () => {
  it('should go before the defaults', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_own');
    const { tenant, submission } = fixture;
    await setLimits(tenant, { maxQueuedJobs: 0, maxStorageBytes: 2 * LIMIT_BYTES });
    for (let index = 0; index < 5; index += 1) await fixture.submit();
    const { problem } = await api.send('POST /jobs', { tenant, body: submission });
    expect(problem.message).toContain('quota of 0 queued jobs');
    await quota.reserve(tenant, 2 * LIMIT_BYTES);
    await expect(quota.reserve(tenant, 1)).rejects.toMatchObject({ details: { limit: 2 * LIMIT_BYTES } });
  });
});

describe(StorageQuota.name, () => {
  it('should give exactly the room there is to requests that come together', async () => {
    const tenant = await aTenant('tenant_together');
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => quota.reserve(tenant, 300)));
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(3);
    expect(await usedBytes(tenant)).toBe(900);
    await expect(quota.reserve(tenant, 101)).rejects.toMatchObject({
      code: 'quota_exceeded',
      details: { limit: LIMIT_BYTES, used: 900, wanted: 101 },
    });
    await quota.reserve(tenant, 100);
    expect(await usedBytes(tenant)).toBe(LIMIT_BYTES);
  });

  it('should refuse what is larger than the whole quota, and note nothing', async () => {
    const tenant = await aTenant('tenant_large');
    await expect(quota.reserve(tenant, LIMIT_BYTES + 1)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await expect(quota.assertRoom(tenant, LIMIT_BYTES + 1)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await quota.assertRoom(tenant, LIMIT_BYTES);
    expect(await usedBytes(tenant)).toBe(0);
  });

  it('should leave nothing of what is interrupted between the room and the note of who has it', async () => {
    const tenant = await aTenant('tenant_failing');
    const uploads = api.app.get(UploadsRepository);
    const open = (reservedBytes: number) =>
      uploads.open({ id: newId(), tenantId: tenant, protocol: 'tus', reservedBytes }, 1);
    await expect(open(LIMIT_BYTES + 1)).rejects.toMatchObject({ code: 'quota_exceeded', details: { used: 0 } });
    const claim = await uploads.open({ id: newId(), tenantId: tenant, protocol: 'form' }, 1);
    await expect(open(400)).rejects.toMatchObject({ code: 'uploads_exhausted' });
    expect(await usedBytes(tenant)).toBe(0);
    expect([await uploads.reserve(claim, 900), await uploads.reserve(claim, 101)]).toEqual([true, false]);
    // Somebody else holds it now: what is still taken for it would be nobody's.
    await expect(uploads.reserve({ ...claim, holder: newId() }, 50)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
    expect(await usedBytes(tenant)).toBe(900);
    await uploads.trimReserved(claim, 300);
    expect(await usedBytes(tenant)).toBe(300);
    // The second finds nothing to give back.
    await Promise.all([uploads.remove(claim), uploads.remove(claim)]);
    expect(await usedBytes(tenant)).toBe(0);
  });

  it('should hold for the files of a job that its tenant drives by itself', async () => {
    const fixture = await JobsFixture.create(api, 'tenant_driver');
    const { tenant } = fixture;
    const { id } = await fixture.submit();
    await api.send(`PATCH /jobs/${id}`, { tenant, body: { status: 'running' } });
    const put = async (name: string, sizeBytes: number) => {
      const response = await fetch(`${api.url}/jobs/${id}/artifacts/${name}?kind=lora&attempt=1`, {
        method: 'PUT',
        headers: { 'x-tenant-id': tenant, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(sizeBytes),
      });
      return [response.status, ((await response.json()) as { code?: string }).code];
    };
    expect(await put('a.safetensors', 600)).toEqual([200, undefined]);
    expect(await put('b.safetensors', 401)).toEqual([429, 'quota_exceeded']);
    expect(await put('b.safetensors', 901)).toEqual([413, 'upload_too_large']);
    expect(await usedBytes(tenant)).toBe(600);
    // Until the old one goes both are there.
    expect(await put('a.safetensors', 400)).toEqual([200, undefined]);
    expect(await usedBytes(tenant)).toBe(400);
    expect((await api.send<{ data: unknown[] }>(`GET /jobs/${id}/artifacts`, { tenant })).body.data).toHaveLength(1);
    await api.send(`PATCH /jobs/${id}`, { tenant, body: { status: 'completed' } });
  });

  it('should count the files of a running job, and store them when there is no room', async () => {
    await (await JobsFixture.create(api, 'tenant_results')).submit();
    const job = await (await new HttpWorker(api).register()).claim();
    const tenant = job?.tenantId ?? '';
    const put = (name: string, sizeBytes: number, kind = 'state') =>
      fetch(`${api.url}/jobs/${job?.jobId}/artifacts/${name}?kind=${kind}&step=1&attempt=${job?.attempt}`, {
        method: 'PUT',
        headers: { 'x-tenant-id': tenant, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(sizeBytes),
      }).then(({ status }) => status);
    expect(await put('a.safetensors', 700, 'lora')).toBe(200);
    expect(await put('1.state', 600)).toBe(200);
    expect(await usedBytes(tenant)).toBe(1_300);
    expect(await put('b.safetensors', 5_001, 'lora')).toBe(413);
    expect(await put('a.safetensors', 800, 'lora')).toBe(200);
    expect(await put('2.state', 100)).toBe(200);
    expect(await usedBytes(tenant)).toBe(900);
    await expect(quota.reserve(tenant, 101)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await api.app.get(Database).pool.query('delete from job where tenant_id = $1', [tenant]);
    expect(await usedBytes(tenant)).toBe(0);
  });
});
