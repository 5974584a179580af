import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClaimedJob, Dataset, JobArtifact, JobPreview } from '@influencerai/shared';
import sharp from 'sharp';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, TENANT, type TestApp } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

const OUTPUT = { outputPath: 'data/loras/same' };

describe('the roots of tenants', () => {
  let api: TokenApp;
  let mine: TestApp;
  let theirs: TestApp;
  let myFixture: JobsFixture;
  let theirFixture: JobsFixture;
  const claimed = new Map<string, ClaimedJob>();

  const keyOf = async (tenant: string) => (await api.makeKey(['read', 'write'], { tenant })).key;
  const register = (as: TestApp, path: string) =>
    as.send<Dataset>('POST /datasets', { body: { kind: 'lora-training', path } });

  beforeAll(async () => {
    api = await startTokenApp();
    mine = api.as(await keyOf(TENANT));
    theirs = api.as(await keyOf(OTHER_TENANT));
    myFixture = await JobsFixture.create(mine, TENANT, OUTPUT);
    theirFixture = await JobsFixture.create(theirs, OTHER_TENANT, OUTPUT);
    await myFixture.submit();
    await theirFixture.submit();
    const worker = await new HttpWorker(api.as(api.workerKey)).register();
    for (const job of [await worker.claim(), await worker.claim()]) claimed.set(job!.tenantId, job!);
  });
  afterAll(() => api.close());

  it('should be where the paths of each tenant lead', async () => {
    for (const tenant of [TENANT, OTHER_TENANT]) await addPicture(tenant, 'datasets/same');
    const answers = await Promise.all([mine, theirs].map((as) => register(as, 'data/datasets/same')));
    expect(answers.map(({ status, body }) => [status, body.status])).toEqual([
      [201, 'ready'],
      [201, 'ready'],
    ]);
  });

  it.each([
    `data/datasets/${OTHER_TENANT}`,
    `data/tenants/${OTHER_TENANT}/datasets/${OTHER_TENANT}`,
    `data/../${OTHER_TENANT}/datasets/${OTHER_TENANT}`,
    `data/link/datasets/${OTHER_TENANT}`,
    'data/link',
    `tenants/${OTHER_TENANT}/datasets`,
  ])('should hold whatever path is given: %s', async (path) => {
    await symlink(`../${OTHER_TENANT}`, join(api.folderOf(TENANT), 'link')).catch(() => undefined);
    expect(await register(mine, path)).toMatchObject({
      status: 400,
      body: { errors: { fieldErrors: { path: expect.any(Array) } } },
    });
  });

  it('should refuse results that a link would take to another tenant', async () => {
    await symlink(`../${OTHER_TENANT}/loras`, join(api.folderOf(TENANT), 'out')).catch(() => undefined);
    const body = { name: 'elsewhere', modelName: 'tiny-image', outputPath: 'data/out/mine' };
    expect(await mine.send('POST /lora-configs', { body })).toMatchObject({ status: 400 });
  });

  it('should take in what is uploaded', async () => {
    const form = new FormData();
    form.set('kind', 'fine-tuning');
    form.set('files', new Blob(['{"text":"one"}\n']), 'rows.jsonl');
    const authorization = `Bearer ${await keyOf(TENANT)}`;
    const answer = await fetch(`${api.url}/datasets/upload`, {
      method: 'POST',
      headers: { authorization },
      body: form,
    });
    const { path, status } = (await answer.json()) as Dataset;
    expect([answer.status, status]).toEqual([201, 'ready']);
    expect(await readdir(join(api.folderOf(TENANT), path.slice('data/'.length)))).toEqual(['rows.jsonl']);
  });

  it('should tell a worker which folder a path stands for', () => {
    expect([...claimed.values()].map(({ tenantId, storageRoot }) => [tenantId, storageRoot])).toEqual(
      expect.arrayContaining([
        [TENANT, `tenants/${TENANT}`],
        [OTHER_TENANT, `tenants/${OTHER_TENANT}`],
      ]),
    );
  });

  it("should not show that another tenant's job writes to a folder of the same name", () => {
    expect([...claimed.values()].map(({ spec }) => spec.output.dir)).toEqual(['data/loras/same', 'data/loras/same']);
  });

  it('should take in results under the path that their tenant knows', async () => {
    for (const tenant of [TENANT, OTHER_TENANT]) expect((await putWeights(tenant)).status).toBe(200);
    const { body } = await mine.send<{ data: JobArtifact[] }>(`GET /jobs/${claimed.get(TENANT)!.jobId}/artifacts`);
    expect(body.data.map(({ path }) => path)).toEqual(['data/loras/same/a.safetensors']);
    for (const tenant of [TENANT, OTHER_TENANT])
      expect(await readFile(join(api.folderOf(tenant), 'loras/same/a.safetensors'), 'utf8')).toBe(`of ${tenant}`);
    expect(await readdir(api.dataRoot)).toEqual(['.parts', 'tenants']);
    expect(await readdir(join(api.dataRoot, '.parts'))).toEqual([]);
  });

  it('should stay out of what is shown: events, previews, answers', async () => {
    const { jobId } = claimed.get(TENANT)!;
    const told = await firstEvents(jobId);
    expect(told).toContain('"path":"data/loras/same/a.safetensors"');
    const preview = await mine.send<JobPreview>('POST /jobs/preview', {
      body: { ...myFixture.submission, host: { device: 'cpu' } },
    });
    expect([preview.status, preview.text.includes('tenants/'), told.includes('tenants/')]).toEqual([200, false, false]);
    expect(preview.text).toContain(`data/datasets/${TENANT}/a.png`);
  });

  async function addPicture(tenant: string, folder: string): Promise<void> {
    const path = join(api.folderOf(tenant), folder);
    await mkdir(path, { recursive: true });
    await sharp({ create: { width: 64, height: 64, channels: 3, background: 'blue' } })
      .png()
      .toFile(join(path, 'a.png'));
  }

  /** What the stream of a job says until it has named a file. */
  async function firstEvents(jobId: string): Promise<string> {
    const headers = { authorization: `Bearer ${await keyOf(TENANT)}` };
    const request = get(`${api.url}/jobs/${jobId}/events`, { headers, agent: false });
    const [stream] = (await once(request, 'response')) as [IncomingMessage];
    let told = '';
    for await (const chunk of stream.setEncoding('utf8')) {
      told += chunk;
      // Leaving the loop closes the connection.
      if (told.includes('a.safetensors')) return told;
    }
    throw new Error(`The stream ended: ${told}`);
  }

  const putWeights = (tenant: string) =>
    fetch(`${api.url}/jobs/${claimed.get(tenant)!.jobId}/artifacts/a.safetensors?attempt=1&kind=lora`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${api.workerKey}`,
        'x-tenant-id': tenant,
        'content-type': 'application/octet-stream',
      },
      body: `of ${tenant}`,
    });
});
