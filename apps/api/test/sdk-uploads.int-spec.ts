import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InfluencerAIClient, type UploadBody } from '@influencerai/sdk';
import { startTestApp, TENANT, type TestApp } from './test-app.js';

const ROW = `${JSON.stringify({ text: 'x'.repeat(1000) })}\n`;
const CONTENT = Buffer.from(ROW.repeat(40_000));

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

/** Passes everything on to the API, but breaks the first connection that has carried so much. */
async function breakingLine(afterBytes: number): Promise<{ url: string; breaks: () => number; server: Server }> {
  let breaks = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(api.url).port), '127.0.0.1');
    let carried = 0;
    client.on('data', (chunk) => {
      carried += chunk.length;
      if (breaks > 0 || carried < afterBytes) return;
      breaks += 1;
      client.destroy();
      upstream.destroy();
    });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, breaks: () => breaks, server };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('datasets.upload of the SDK', () => {
  it.each<[string, () => { body: UploadBody; sizeBytes?: number }]>([
    ['a Blob', () => ({ body: new Blob([Uint8Array.from(CONTENT)]) })],
    ['a stream', () => ({ body: Readable.from(slices(CONTENT, 100_000)), sizeBytes: CONTENT.length })],
  ])('should go on where the line broke, with %s', async (_case, make) => {
    const { url, breaks, server } = await breakingLine(CONTENT.length / 2);
    const client = new InfluencerAIClient({ baseUrl: url, tenantId: TENANT });
    const seen: number[] = [];
    const onProgress = ({ sentBytes }: { sentBytes: number }) => void seen.push(sentBytes);
    const dataset = await client.datasets.upload(
      { name: 'rows.jsonl', ...make() },
      { kind: 'fine-tuning', name: 'Über', meta: { a: 1 } },
      { onProgress },
    );
    server.close();
    expect([breaks(), dataset.meta, seen.at(-1)]).toEqual([1, { a: 1, name: 'Über' }, CONTENT.length]);
    const stored = await readFile(join(api.dataRoot, 'datasets/uploads', dataset.id, 'rows.jsonl'));
    expect(sha256(stored)).toBe(sha256(CONTENT));
  });

  it('should send several files in one request', async () => {
    const client = new InfluencerAIClient({ baseUrl: api.url, tenantId: TENANT });
    const files = ['a.jsonl', 'b/c.jsonl'].map((name) => ({ name, body: new Blob([ROW, name]) }));
    const dataset = await client.datasets.upload(files, { kind: 'fine-tuning' });
    expect(dataset.upload?.files).toBe(2);
  });

  it('should hand out what the API refuses', async () => {
    const client = new InfluencerAIClient({ baseUrl: api.url, tenantId: TENANT });
    const upload = client.datasets.upload({ name: 'model.ckpt', body: new Blob(['x']) }, { kind: 'fine-tuning' });
    await expect(upload).rejects.toMatchObject({
      statusCode: 400,
      errors: { fieldErrors: { filename: [expect.stringMatching(/run code/)] } },
    });
  });
});

function* slices(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
