import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import { StorageQuota } from '../src/limits/storage-quota.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { startTestApp, type TestApp } from './test-app.js';

const LIMIT_BYTES = 1_000;

let api: TestApp;
let quota: StorageQuota;
beforeAll(async () => {
  api = await startTestApp({ env: { MAX_QUEUED_JOBS: '2', MAX_STORAGE_BYTES: String(LIMIT_BYTES) } });
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

  it('should give back what failing work has reserved', async () => {
    const tenant = await aTenant('tenant_failing');
    const failure = new Error('The disk is full.');
    await expect(quota.hold(tenant, 400, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await usedBytes(tenant)).toBe(0);
    expect(await quota.hold(tenant, 400, () => Promise.resolve('kept'))).toBe('kept');
    await quota.release(tenant, 500);
    expect(await usedBytes(tenant)).toBe(0);
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
    expect(await put('a.safetensors', 800, 'lora')).toBe(200);
    expect(await put('2.state', 100)).toBe(200);
    expect(await usedBytes(tenant)).toBe(900);
    await expect(quota.reserve(tenant, 101)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await api.app.get(Database).pool.query('delete from job where tenant_id = $1', [tenant]);
    expect(await usedBytes(tenant)).toBe(0);
  });
});
