import { createReadStream, openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InternalServerError, type UploadBody } from '../src/index.js';
import { sendJson, startServer } from './support/test-server.js';

const TEXT = 'weights '.repeat(50_000);

describe('artifacts', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sdk-artifacts-'));
    file = join(folder, 'final.safetensors');
    await writeFile(file, TEXT);
  });

  afterAll(() => rm(folder, { recursive: true }));

  const BODIES: [string, () => UploadBody | Promise<UploadBody>][] = [
    ['bytes', () => new TextEncoder().encode(TEXT)],
    ['a buffer', () => new TextEncoder().encode(TEXT).buffer],
    ['a file as Blob', () => openAsBlob(file)],
    ['a web stream', () => new Blob([TEXT]).stream()],
    ['a Node stream', () => createReadStream(file)],
  ];

  it.each(BODIES)('should upload %s', async (_name, make) => {
    await using server = await startServer(() => ({ name: 'a' }));
    const body = await make();
    await server.client().jobs.putArtifact('j', 'final.safetensors', { body, attempt: 2, kind: 'lora', step: 40 });
    const [received] = server.received;
    expect(received).toMatchObject({
      method: 'PUT',
      path: '/jobs/j/artifacts/final.safetensors',
      query: { attempt: '2', kind: 'lora', step: '40' },
      headers: { 'content-type': 'application/octet-stream' },
    });
    expect(received?.body === TEXT).toBe(true);
  });

  it('should retry an upload that can be sent again, and no other', async () => {
    await using server = await startServer(({ index }, response) =>
      index % 2 === 0 ? sendJson(response, 500, { message: 'No.' }, { 'retry-after-ms': '1' }) : { name: 'a' },
    );
    const put = (body: UploadBody) => server.client().jobs.putArtifact('j', 'a', { body, attempt: 1, kind: 'lora' });
    await put(await openAsBlob(file));
    expect(server.received.map(({ body }) => body === TEXT)).toEqual([true, true]);
    await expect(put(createReadStream(file))).rejects.toThrow(InternalServerError);
    expect(server.received).toHaveLength(3);
  });

  it('should fail when the source of an upload fails', async () => {
    await using server = await startServer(() => ({}));
    const body = createReadStream(join(folder, 'missing'));
    const put = server.client().jobs.putArtifact('j', 'a', { body, attempt: 1, kind: 'lora' });
    await expect(put).rejects.toThrow(/ENOENT/);
  });

  it('should download a file, or part of it', async () => {
    await using server = await startServer(({ headers }, response) => {
      response.writeHead(headers['range'] ? 206 : 200).end(headers['range'] ?? TEXT);
    });
    const { jobs } = server.client();
    expect((await (await jobs.downloadArtifact('j', 'a')).text()) === TEXT).toBe(true);
    const ranges = [{ start: 0, end: 9 }, { start: 5 }];
    const parts = ranges.map(async (range) => (await jobs.downloadArtifact('j', 'a', { range })).text());
    expect(await Promise.all(parts)).toEqual(['bytes=0-9', 'bytes=5-']);
  });

  it('should hand out links that can be opened: those of the API with its address, others as they are', async () => {
    const links = ['/downloads/t/j/a?signature=s', 'https://bucket.example/a?X-Amz-Signature=s'];
    const expiresAt = '2026-01-01T00:00:00.000Z';
    await using server = await startServer(({ index }) => ({ url: links[index], expiresAt }));
    const { jobs } = server.client();
    const own = await jobs.artifactLink('j', 'a', { expiresInSeconds: 60 });
    expect(own).toEqual({ url: `${server.baseUrl}${links[0]}`, expiresAt });
    const { data, response } = await jobs.artifactLink('j', 'a').withResponse();
    expect([data.url, response.status]).toEqual([links[1], 200]);
    expect(server.received[0]).toMatchObject({ path: '/jobs/j/artifacts/a/link', query: { expiresInSeconds: '60' } });
  });

  it('should list what a job learns from, and download part of a file of any name', async () => {
    const list = { data: [], digest: 'd' };
    await using server = await startServer(({ path }, response) => {
      if (path.endsWith('/dataset')) return list;
      return void response.writeHead(206).end('part');
    });
    const { jobs } = server.client();
    expect(await jobs.dataset('j')).toEqual(list);
    const headers = { 'if-range': '"e"' };
    const part = await jobs.downloadDatasetFile('j', 'sub/a&b.png', { range: { start: 4 }, headers });
    expect(await part.text()).toBe('part');
    expect(server.received[1]).toMatchObject({
      path: '/jobs/j/dataset/files',
      query: { name: 'sub/a&b.png' },
      headers: { range: 'bytes=4-', 'if-range': '"e"' },
    });
  });

  it('should set the body of a download no time limit, but let it be aborted', async () => {
    await using server = await startServer((_request, response) => {
      response.writeHead(200).write('first');
      setTimeout(() => response.end(' last'), 1200);
    });
    const { jobs } = server.client({ timeoutMs: 1000 });
    expect(await (await jobs.downloadArtifact('j', 'a')).text()).toBe('first last');
    const controller = new AbortController();
    const cut = await jobs.downloadArtifact('j', 'a', { signal: controller.signal });
    controller.abort();
    await expect(cut.text()).rejects.toThrow();
  });
});
