import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InfluencerAIClient } from '@influencerai/sdk';
import type { CreateDirectUpload, Dataset, DirectUpload } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { StorageQuota } from '../src/limits/storage-quota.js';
import { Storage } from '../src/storage/storage.js';
import { receivedKey } from '../src/uploads/upload-keys.js';
import { UploadSweeper } from '../src/uploads/upload-sweeper.js';
import { S3Server, WHY_NO_S3 } from './s3-server.js';
import { tarGzFile } from './tar-file.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

const MIB = 1024 * 1024;
const QUOTA = 40 * MIB;
const ROWS = '{"text":"one"}\n{"text":"two"}\n';
const ROWS_SHA256 = createHash('sha256').update(ROWS).digest('hex');

if (WHY_NO_S3) process.stderr.write(`Direct uploads are left out: ${WHY_NO_S3}\n`);

const announcement = (change: object = {}): CreateDirectUpload => ({
  kind: 'fine-tuning',
  filename: 'rows.jsonl',
  sizeBytes: ROWS.length,
  meta: { a: 1 },
  ...change,
});

(WHY_NO_S3 ? describe.skip : describe)('direct uploads', () => {
  let server: S3Server;
  let api: TestApp;
  beforeAll(async () => {
    server = await S3Server.start();
    const env = {
      ...server.env,
      UPLOAD_MAX_OPEN: '3',
      UPLOAD_MAX_BYTES: String(30 * MIB),
      MAX_STORAGE_BYTES: String(QUOTA),
    };
    api = await startTestApp({ env });
  });
  afterAll(async () => {
    await api.close();
    await server.close();
  });

  const begin = (change?: object) => api.send<DirectUpload>('POST /uploads/direct', { body: announcement(change) });
  const begun = async (change?: object): Promise<DirectUpload> => {
    const { status, body } = await begin(change);
    expect(status).toBe(201);
    return body;
  };
  const put = async ({ url }: DirectUpload, body: string | Uint8Array<ArrayBuffer> = ROWS): Promise<number> => {
    const answer = await fetch(url, { method: 'PUT', body });
    await answer.body?.cancel();
    return answer.status;
  };
  const finish = ({ id }: DirectUpload, tenant?: string) =>
    api.send<Dataset>(`POST /uploads/${id}/dataset`, { tenant });
  const remove = ({ id }: DirectUpload, tenant?: string) => api.send(`DELETE /uploads/${id}`, { tenant });
  const isStored = async ({ id }: DirectUpload) => (await api.app.get(Storage).stat(receivedKey(id))) !== undefined;
  const usedBytes = async (): Promise<number> => (await api.app.get(StorageQuota).describe(TENANT)).usedBytes;
  const sweep = () => api.app.get(UploadSweeper).sweep(0);
  const rowsOf = async ({ id }: DirectUpload): Promise<number> =>
    (await api.app.get(Database).pool.query('select 1 from upload where id = $1', [id])).rows.length;
  /** The time until which it can be written to passes. */
  const endLink = ({ id }: DirectUpload) =>
    api.app
      .get(Database)
      .pool.query(`update upload set link_ends_at = now() - interval '1 second' where id = $1`, [id]);
  const forget = async (upload: DirectUpload) => {
    await remove(upload);
    await endLink(upload);
    await sweep();
  };

  it('should go to the bucket and become a dataset of the same id', async () => {
    const used = await usedBytes();
    const upload = await begun({ name: 'Rows', sha256: ROWS_SHA256 });
    expect([new URL(upload.url).origin, await usedBytes()]).toEqual([server.settings.endpoint, used + ROWS.length]);
    expect(await put(upload)).toBe(200);
    const { status, body } = await finish(upload);
    expect([status, body.id, body.status, body.meta]).toEqual([201, upload.id, 'ready', { a: 1, name: 'Rows' }]);
    const key = await api.app.get(Storage).locate({ tenantId: TENANT, path: `${body.path}/rows.jsonl` });
    expect(await text(api.app.get(Storage).read(key))).toBe(ROWS);
    expect((await finish(upload)).body).toEqual(body);
    expect(await isStored(upload)).toBe(false);
  });

  it('should be unpacked when it is an archive', async () => {
    const archive = Uint8Array.from(
      await tarGzFile([
        { name: 'a.jsonl', content: ROWS },
        { name: 'b.jsonl', content: ROWS },
      ]),
    );
    const upload = await begun({ filename: 'set.tar.gz', sizeBytes: archive.length });
    expect(await put(upload, archive)).toBe(200);
    expect((await finish(upload)).body).toMatchObject({ status: 'ready', upload: { files: 2 } });
  });

  it('should not be finished before it has arrived, and then be', async () => {
    const upload = await begun();
    const early = await finish(upload);
    expect([early.status, early.problem.code]).toEqual([409, 'upload_incomplete']);
    expect([await put(upload), (await finish(upload)).status]).toEqual([200, 201]);
  });

  it('should be of the size that was announced', async () => {
    const upload = await begun();
    expect([await put(upload, 'x'.repeat(100)), await put(upload, 'x')]).toEqual([403, 403]);
    expect(await isStored(upload)).toBe(false);
    await forget(upload);
  });

  it('should be of the content that was announced', async () => {
    const upload = await begun({ sha256: '0'.repeat(64) });
    await put(upload);
    const { status, problem } = await finish(upload);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['sha256']]);
    expect([await isStored(upload), (await finish(upload)).status]).toEqual([false, 404]);
    await forget(upload);
  });

  it('should hold their room for as long as somebody can write, and sweep what came late', async () => {
    const used = await usedBytes();
    const upload = await begun();
    expect((await remove(upload)).status).toBe(204);
    expect((await remove(upload)).problem.code).toBe('upload_not_found');
    expect(await usedBytes()).toBe(used + ROWS.length);
    expect([await put(upload), await isStored(upload)]).toEqual([200, true]);
    await sweep();
    expect([await isStored(upload), await rowsOf(upload)]).toEqual([false, 1]);
    await endLink(upload);
    await sweep();
    expect([await rowsOf(upload), await usedBytes()]).toEqual([0, used]);
  });

  it('should take no more room than the dataset once nobody can write any more', async () => {
    const used = await usedBytes();
    const upload = await begun();
    await put(upload);
    const { body } = await finish(upload);
    await put(upload);
    await endLink(upload);
    await sweep();
    expect([await isStored(upload), await rowsOf(upload)]).toEqual([false, 0]);
    expect(await usedBytes()).toBe(used + (body.upload?.bytes ?? 0));
    expect((await api.send<Dataset>(`GET /datasets/${body.id}`)).body.status).toBe('ready');
  });

  it('should be forgotten when nobody finishes them', async () => {
    const used = await usedBytes();
    const upload = await begun();
    await put(upload);
    const { pool } = api.app.get(Database);
    await pool.query(`update upload set touched_at = now() - interval '2 days' where id = $1`, [upload.id]);
    await endLink(upload);
    await sweep();
    expect([await isStored(upload), await rowsOf(upload), await usedBytes()]).toEqual([false, 0, used]);
    expect((await finish(upload)).status).toBe(404);
  });

  it('should belong to their tenant alone, and speak no tus', async () => {
    const upload = await begun();
    await put(upload);
    expect([(await finish(upload, OTHER_TENANT)).status, (await remove(upload, OTHER_TENANT)).status]).toEqual([
      404, 404,
    ]);
    const tus = { 'tus-resumable': '1.0.0' };
    expect((await api.send(`HEAD /uploads/${upload.id}`, { headers: tus })).status).toBe(404);
    expect((await finish(upload)).status).toBe(201);
  });

  it.each([
    ['filename', { filename: '../rows.jsonl' }, 400],
    ['filename', { filename: 'model.ckpt' }, 400],
    ['kind', { kind: 'x' }, 400],
    ['sha256', { sha256: 'x' }, 400],
    ['sizeBytes', { sizeBytes: 0 }, 400],
    ['sizeBytes', { sizeBytes: 30 * MIB + 1 }, 413],
    ['path', { path: 'data/x' }, 400],
  ])('should refuse %s: %j', async (field, change, status) => {
    const answer = await begin(change);
    expect([answer.status, Object.keys(answer.problem.errors?.fieldErrors ?? {})]).toEqual([status, [field]]);
  });

  it('should be limited in number and in room', async () => {
    const uploads = [await begun(), await begun({ sizeBytes: 25 * MIB })];
    expect((await begin({ sizeBytes: 25 * MIB })).problem.code).toBe('quota_exceeded');
    uploads.push(await begun());
    expect((await begin()).problem.code).toBe('uploads_exhausted');
    for (const upload of uploads) await forget(upload);
  });

  it('should be made by the SDK', async () => {
    const client = new InfluencerAIClient({ baseUrl: api.url, tenantId: TENANT });
    const seen: number[] = [];
    const dataset = await client.datasets.uploadDirect(
      { name: 'rows.jsonl', body: new Blob([ROWS]) },
      { kind: 'fine-tuning' },
      { onProgress: ({ sentBytes }) => void seen.push(sentBytes) },
    );
    expect([dataset.status, seen]).toEqual(['ready', [ROWS.length]]);
  });
});

describe('direct uploads without a bucket', () => {
  let api: TestApp;
  beforeAll(async () => void (api = await startTestApp()));
  afterAll(() => api.close());

  it('should be refused with what to do instead', async () => {
    const { status, problem } = await api.send('POST /uploads/direct', { body: announcement() });
    expect([status, problem.code]).toEqual([409, 'direct_upload_unsupported']);
    expect(problem.message).toContain('tus');
  });

  it('should be sent by the SDK as any other', async () => {
    const client = new InfluencerAIClient({ baseUrl: api.url, tenantId: TENANT });
    const file = { name: 'rows.jsonl', body: new Blob([ROWS]) };
    const dataset = await client.datasets.uploadDirect(file, { kind: 'fine-tuning' });
    expect(dataset).toMatchObject({ status: 'ready', upload: { files: 1, bytes: ROWS.length } });
  });
});
