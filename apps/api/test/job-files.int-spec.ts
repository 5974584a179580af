import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErrorBody, JobArtifact, JobLogPage, JobMetrics } from '@influencerai/shared';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { startTestApp, type TestApp } from './test-app.js';

describe('what a job leaves behind', () => {
  let api: TestApp;
  let fixture: JobsFixture;
  let id: string;
  beforeAll(async () => {
    api = await startTestApp();
    fixture = await JobsFixture.create(api, 'tenant_files', { outputPath: 'data/loras/mine' });
    ({ id } = await fixture.submit());
    await (await new HttpWorker(api).register()).claim();
  });
  afterAll(() => api.close());

  describe('logs', () => {
    const lines = Array.from({ length: 5 }, (_, seq) => ({
      seq,
      stream: 'stdout',
      text: `line ${seq}`,
      at: '2026-01-01T00:00:00.000Z',
    }));

    it('should be stored once however often they are sent, and read page by page', async () => {
      const append = () => api.send(`POST /jobs/${id}/logs`, { tenant: fixture.tenant, body: { attempt: 1, lines } });
      expect([(await append()).status, (await append()).status]).toEqual([204, 204]);
      const first = await read('?limit=3');
      const second = await read(`?limit=3&after=${first.cursor}`);
      expect([...first.data, ...second.data].map((line) => line.text)).toEqual(lines.map((line) => line.text));
      expect([first.hasMore, second.hasMore]).toEqual([true, false]);
    });

    it('should refuse a cursor of somebody’s own making', async () => {
      const answer = await api.send<ErrorBody>(`GET /jobs/${id}/logs?after=DROP`, { tenant: fixture.tenant });
      expect(answer).toMatchObject({ status: 400, body: { errors: { fieldErrors: { after: expect.any(Array) } } } });
    });

    it.each([
      ['attempt', { attempt: 3_000_000_000, lines }],
      ['lines.0.at', { attempt: 1, lines: [{ ...lines[0], at: '0000-01-01T00:00:00Z' }] }],
    ])('should refuse a value of %s that cannot be stored', async (field, body) => {
      const answer = await api.send(`POST /jobs/${id}/logs`, { tenant: fixture.tenant, body });
      expect([answer.status, Object.keys(answer.problem.errors?.fieldErrors ?? {})]).toEqual([400, [field]]);
    });

    const read = async (query: string) =>
      (await api.send<JobLogPage>(`GET /jobs/${id}/logs${query}`, { tenant: fixture.tenant })).body;
  });

  it('should thin a long loss curve and keep its last point', async () => {
    const metrics = Array.from({ length: 900 }, (_, index) => ({
      step: index + 1,
      epoch: 1,
      loss: 1 / (index + 1),
      learningRate: 0.0001,
    }));
    expect((await fixture.patch(id, { attempt: 1, metrics })).status).toBe(200);
    const { body } = await api.send<JobMetrics>(`GET /jobs/${id}/metrics?maxPoints=100`, { tenant: fixture.tenant });
    expect(body.total).toBe(900);
    expect(body.data.length).toBeLessThanOrEqual(101);
    expect(body.data.at(-1)).toEqual({ step: 900, epoch: 1, loss: 1 / 900, learningRate: 0.0001 });
  });

  describe('artifacts', () => {
    const content = 'the weights of a small model';
    const name = 'mine-final.safetensors';
    const put = (file: string, query: string, body: unknown = content, contentType = 'application/octet-stream') =>
      api.send<JobArtifact>(`PUT /jobs/${id}/artifacts/${file}?${query}`, {
        tenant: fixture.tenant,
        body,
        headers: { 'content-type': contentType },
      });
    const get = (headers: Record<string, string> = {}) =>
      api.send(`GET /jobs/${id}/artifacts/${name}`, { tenant: fixture.tenant, headers });

    it('should lie in the output folder and be listed with size and checksum', async () => {
      const { status, body } = await put(name, 'attempt=1&kind=lora&step=10');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        name,
        kind: 'lora',
        step: 10,
        sizeBytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
        path: `data/loras/mine/${name}`,
        url: `/jobs/${id}/artifacts/${name}`,
      });
      expect(await readFile(join(api.dataRoot, 'loras/mine', name), 'utf8')).toBe(content);
    });

    it('should be downloadable whole, in ranges and conditionally', async () => {
      const whole = await get();
      expect([whole.status, whole.text, whole.headers.get('accept-ranges')]).toEqual([200, content, 'bytes']);
      const part = await get({ range: 'bytes=4-10' });
      expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
        206,
        content.slice(4, 11),
        `bytes 4-10/${content.length}`,
      ]);
      expect((await get({ range: 'bytes=-5' })).text).toBe(content.slice(-5));
      expect([(await get({ range: 'bytes=3-2' })).status, (await get({ range: 'lines=1-2' })).status]).toEqual([
        200, 200,
      ]);
      const beyond = await get({ range: `bytes=${content.length}-` });
      expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${content.length}`]);
      expect([beyond.headers.get('etag'), beyond.headers.get('content-disposition')]).toEqual([null, null]);
      expect((await get({ 'if-none-match': whole.headers.get('etag') ?? '' })).status).toBe(304);
    });

    it('should be missed when somebody removed the file', async () => {
      await put('gone.png', 'attempt=1&kind=sample');
      await rm(join(api.dataRoot, 'loras/mine/samples/gone.png'));
      const answer = await api.send(`GET /jobs/${id}/artifacts/gone.png`, { tenant: fixture.tenant });
      expect([answer.status, answer.problem.code]).toEqual([404, 'artifact_not_found']);
    });

    it('should get an answer when they cannot be stored', async () => {
      await writeFile(join(api.dataRoot, '.states'), 'in the way');
      const answer = await put('state-0.tar', 'attempt=1&kind=state', 'x'.repeat(20_000_000));
      await rm(join(api.dataRoot, '.states'));
      expect([answer.status, answer.problem.code]).toEqual([500, 'internal']);
    });

    it('should keep only the newest state, out of the listing', async () => {
      await put('state-1.tar', 'attempt=1&kind=state&step=1');
      await put('state-2.tar', 'attempt=1&kind=state&step=2');
      const list = async (query: string) =>
        (
          await api.send<{ data: JobArtifact[] }>(`GET /jobs/${id}/artifacts${query}`, { tenant: fixture.tenant })
        ).body.data.map((artifact) => artifact.name);
      expect(await list('?kind=state')).toEqual(['state-2.tar']);
      expect(await list('')).toEqual([name, 'gone.png']);
      // An attempt that began before it may still fail, and this one is needed then.
      await put('state-1.tar', 'attempt=1&kind=state&step=1');
      expect(await list('?kind=state')).toEqual(['state-2.tar', 'state-1.tar']);
    });

    it.each([
      ['..%2Fevil.png', 'attempt=1&kind=sample', 'name'],
      ['.hidden', 'attempt=1&kind=sample', 'name'],
      ['a.png', 'attempt=1&kind=virus', 'kind'],
      ['a.png', 'kind=sample', 'attempt'],
    ])('should refuse %s?%s', async (file, query, field) => {
      const answer = await put(file, query);
      expect(answer.status).toBe(400);
      expect(Object.keys((answer.body as unknown as ErrorBody).errors?.fieldErrors ?? {})).toContain(field);
    });

    it('should refuse a body that is no plain bytes', async () => {
      expect((await put('a.png', 'attempt=1&kind=sample', { a: 1 }, 'application/json')).status).toBe(415);
    });

    it('should answer 404 for a file that is not there', async () => {
      expect((await api.send(`GET /jobs/${id}/artifacts/none.png`, { tenant: fixture.tenant })).status).toBe(404);
    });
  });

  it('should tell its story as a stream that can be resumed', async () => {
    await fixture.patch(id, { attempt: 1, result: { progress: { currentStep: 7 } } });
    const url = `${api.url}/jobs/${id}/events`;
    const live = fetch(url, { headers: { 'x-tenant-id': fixture.tenant } }).then((answer) => answer.text());
    await fixture.patch(id, { attempt: 1, status: 'completed', result: {} });
    const text = await live;
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    const events = [...text.matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
    expect(events.filter((event) => event === 'status')).toHaveLength(3);
    expect(events).toContain('artifact');
    expect(text).toContain('"to":"completed"');
    const rest = await fetch(url, {
      headers: { 'x-tenant-id': fixture.tenant, 'last-event-id': String(ids.at(-2)) },
    }).then((answer) => answer.text());
    expect([...rest.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual(ids.slice(-1));
  });
});
