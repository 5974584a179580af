import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { Dataset } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { StorageQuota } from '../src/limits/storage-quota.js';
import { UploadSweeper } from '../src/uploads/upload-sweeper.js';
import { tarGzFile } from './tar-file.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';
import { zipFile } from './zip-file.js';

const MAX_BYTES = 4 * 1024 * 1024;
const EXPIRES_MS = 3_600_000;
const QUOTA = 20 * 1024 * 1024;
const ROWS = '{"text":"one"}\n{"text":"two"}\n';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp({
    env: {
      UPLOAD_MAX_BYTES: String(MAX_BYTES),
      UPLOAD_EXPIRES_MS: String(EXPIRES_MS),
      UPLOAD_MAX_OPEN: '3',
      MAX_STORAGE_BYTES: String(QUOTA),
    },
  });
});
afterAll(() => api.close());

const TUS = { 'tus-resumable': '1.0.0' };
const PATCH_TYPE = 'application/offset+octet-stream';

const metadata = (fields: Record<string, string>): string =>
  Object.entries(fields)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');

interface Begin {
  fields?: Record<string, string>;
  length?: number | string;
  tenant?: string;
}

const begin = ({
  fields = { filename: 'rows.jsonl', kind: 'fine-tuning' },
  length = ROWS.length,
  tenant,
}: Begin = {}) =>
  api.send('POST /uploads', {
    tenant,
    headers: { ...TUS, 'upload-length': String(length), 'upload-metadata': metadata(fields) },
  });

async function begun(options?: Begin): Promise<string> {
  const { status, headers, text } = await begin(options);
  expect([status, text]).toEqual([201, '']);
  return headers.get('location')?.split('/').at(-1) ?? '';
}

/** One PATCH; `fetch` sends a `Buffer` as it is. */
async function patch(id: string, content: Buffer, { offset = 0, tenant = TENANT, headers = {} } = {}) {
  const response = await fetch(`${api.url}/uploads/${id}`, {
    method: 'PATCH',
    headers: { 'x-tenant-id': tenant, ...TUS, 'upload-offset': String(offset), 'content-type': PATCH_TYPE, ...headers },
    body: Uint8Array.from(content),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, code: codeOf(text) };
}

const codeOf = (text: string): string | undefined =>
  text === '' ? undefined : (JSON.parse(text) as { code?: string }).code;

const head = (id: string, tenant = TENANT) => api.send(`HEAD /uploads/${id}`, { tenant, headers: TUS });
const finish = (id: string, tenant = TENANT) => api.send<Dataset>(`POST /uploads/${id}/dataset`, { tenant });
const remove = (id: string) => api.send(`DELETE /uploads/${id}`, { headers: TUS });
const usedBytes = async (): Promise<number> => (await api.app.get(StorageQuota).describe(TENANT)).usedBytes;
const staged = (): Promise<string[]> => readdir(join(api.dataRoot, '.uploads')).catch(() => []);

describe('resumable uploads', () => {
  it('should say what they can do', async () => {
    const { status, headers } = await api.send('OPTIONS /uploads', { tenant: null });
    expect([status, headers.get('tus-version'), headers.get('tus-max-size')]).toEqual([
      204,
      '1.0.0',
      String(MAX_BYTES),
    ]);
    expect(headers.get('tus-extension')).toBe('creation,creation-with-upload,termination,expiration');
  });

  it('should become a dataset of the same id, part by part', async () => {
    const fields = {
      filename: 'rows.jsonl',
      kind: 'fine-tuning',
      name: 'Rows',
      meta: '{"a":1}',
      filetype: 'text/plain',
    };
    const id = await begun({ fields });
    expect((await finish(id)).problem.code).toBe('upload_incomplete');
    const first = await patch(id, Buffer.from(ROWS.slice(0, 10)));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '10']);
    expect(Date.parse(first.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now());
    const asked = await head(id);
    expect([asked.status, asked.headers.get('upload-offset'), asked.headers.get('upload-length')]).toEqual([
      200,
      '10',
      String(ROWS.length),
    ]);
    const pairs = (text: string | null) => text?.split(',').sort();
    expect(pairs(asked.headers.get('upload-metadata'))).toEqual(pairs(metadata(fields)));
    expect((await patch(id, Buffer.from(ROWS.slice(10)), { offset: 10 })).headers.get('upload-offset')).toBe(
      String(ROWS.length),
    );
    const { status, body, text } = await finish(id);
    expect([status, body.id, body.status, body.meta]).toEqual([201, id, 'ready', { a: 1, name: 'Rows' }]);
    expect(await readFile(join(api.dataRoot, 'datasets/uploads', id, 'rows.jsonl'), 'utf8')).toBe(ROWS);
    expect((await finish(id)).text).toBe(text);
    expect((await head(id)).status).toBe(404);
    expect(await staged()).toEqual([]);
  });

  it.each([
    ['set.zip', () => zipFile([{ name: 'set/rows.jsonl', content: ROWS }])],
    ['set.tar.gz', () => tarGzFile([{ name: 'set/rows.jsonl', content: ROWS }])],
  ])('should be unpacked: %s', async (filename, make) => {
    const content = await make();
    const id = await begun({ fields: { filename, kind: 'fine-tuning' }, length: content.length });
    await patch(id, content);
    expect((await finish(id)).body).toMatchObject({ id, status: 'ready', upload: { files: 1 } });
  });

  it('should keep what came before the connection broke', async () => {
    const content = Buffer.alloc(1024 * 1024, 'a');
    const id = await begun({ fields: { filename: 'a.txt', kind: 'fine-tuning' }, length: content.length });
    const half = content.subarray(0, content.length / 2);
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.write(
      `PATCH /uploads/${id} HTTP/1.1\r\nhost: x\r\nx-tenant-id: ${TENANT}\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n` +
        `content-type: ${PATCH_TYPE}\r\ncontent-length: ${content.length}\r\n\r\n`,
    );
    socket.write(half);
    const file = join(api.dataRoot, '.uploads', id, 'tus');
    const size = () =>
      readFile(file).then(
        ({ length }) => length,
        () => 0,
      );
    await waitUntil(async () => (await size()) === half.length, { timeoutMs: 10_000, what: 'half of it' });
    // While the broken connection still looks whole: who asks makes it give way.
    const asked = await head(id);
    const offset = Number(asked.headers.get('upload-offset'));
    socket.destroy();
    expect([asked.status, offset]).toEqual([200, half.length]);
    expect((await patch(id, content.subarray(offset), { offset })).status).toBe(204);
    const { body } = await finish(id);
    expect(body.status).toBe('ready');
    expect((await readFile(join(api.dataRoot, 'datasets/uploads', id, 'a.txt'))).equals(content)).toBe(true);
  });

  it('should give an upload to its tenant alone, with the same answer as for one that never was', async () => {
    const id = await begun();
    const unknown = newId();
    const asUnknown = (text: string) => text.replaceAll(id, unknown);
    for (const route of [`DELETE /uploads/${id}`, `POST /uploads/${id}/dataset`]) {
      const theirs = await api.send(route, { tenant: OTHER_TENANT, headers: TUS });
      const never = await api.send(route.replace(id, unknown), { tenant: OTHER_TENANT, headers: TUS });
      expect([theirs.status, asUnknown(theirs.text)]).toEqual([404, never.text]);
    }
    expect((await head(id, OTHER_TENANT)).status).toBe(404);
    const theirs = await patch(id, Buffer.from(ROWS), { tenant: OTHER_TENANT });
    const never = await patch(unknown, Buffer.from(ROWS), { tenant: OTHER_TENANT });
    expect([theirs.status, asUnknown(theirs.text)]).toEqual([404, never.text]);
    expect((await api.send(`HEAD /uploads/${id}`, { tenant: null, headers: TUS })).status).toBe(401);
    expect((await head(id)).headers.get('upload-offset')).toBe('0');
    expect((await remove(id)).status).toBe(204);
    expect([(await head(id)).status, (await remove(id)).status]).toEqual([404, 404]);
  });

  it.each<[string, Begin, number, string]>([
    ['no file name', { fields: { kind: 'fine-tuning' } }, 400, 'filename'],
    ['a file name that escapes', { fields: { filename: '../a.txt', kind: 'fine-tuning' } }, 400, 'filename'],
    ['a checkpoint', { fields: { filename: 'a.ckpt', kind: 'fine-tuning' } }, 400, 'filename'],
    ['a file that no dataset uses', { fields: { filename: 'a.doc', kind: 'fine-tuning' } }, 400, 'filename'],
    ['no kind', { fields: { filename: 'a.txt' } }, 400, 'kind'],
    ['an unknown field', { fields: { filename: 'a.txt', kind: 'fine-tuning', x: 'y' } }, 400, 'x'],
    ['a name with NUL', { fields: { filename: 'a.txt', kind: 'fine-tuning', name: 'a\0b' } }, 400, 'name'],
    ['NUL in what is ignored', { fields: { filename: 'a.txt', kind: 'fine-tuning', type: '\0' } }, 400, 'type'],
    ['an archive whose name has NUL', { fields: { filename: 'a\0.zip', kind: 'fine-tuning' } }, 400, 'filename'],
    ['no length', { length: 'many' }, 400, 'upload-length'],
    ['nothing to send', { length: 0 }, 400, 'upload-length'],
  ])('should refuse to begin with %s', async (_case, options, status, field) => {
    const answer = await begin(options);
    expect([answer.status, Object.keys(answer.problem.errors?.fieldErrors ?? {})]).toEqual([status, [field]]);
  });

  it('should refuse what is too large, and another version of the protocol', async () => {
    expect((await begin({ length: MAX_BYTES + 1 })).problem.code).toBe('upload_too_large');
    const answer = await api.send('POST /uploads', { headers: { 'upload-length': '1' } });
    expect([answer.status, answer.problem.code]).toEqual([412, 'tus_version_unsupported']);
  });

  it('should refuse a wrong offset, a wrong type and more than was announced', async () => {
    const id = await begun();
    const wrong = [
      await patch(id, Buffer.from(ROWS), { offset: 5 }),
      await patch(id, Buffer.from(ROWS), { headers: { 'content-type': 'application/octet-stream' } }),
      await patch(id, Buffer.from(`${ROWS}x`)),
      await patch(id, Buffer.from(ROWS), { headers: { 'upload-offset': 'x' } }),
    ];
    expect(wrong.map(({ status, code }) => [status, code])).toEqual([
      [409, 'upload_offset_mismatch'],
      [415, 'media_type_unsupported'],
      [413, 'upload_too_large'],
      [400, 'validation_failed'],
    ]);
    await remove(id);
  });

  it('should read what it refuses to its end, so that the connection serves on', async () => {
    const id = await begun({ length: 3 * 1024 * 1024 });
    const refused = await patch(id, Buffer.alloc(3 * 1024 * 1024), { offset: 7 });
    expect([refused.status, refused.headers.get('connection')]).toEqual([409, 'keep-alive']);
    expect((await head(id)).headers.get('upload-offset')).toBe('0');
    await remove(id);
  });

  it('should drop an upload whose file is refused, and give its room back', async () => {
    const before = await usedBytes();
    const content = zipFile([{ name: '../rows.jsonl', content: ROWS }]);
    const id = await begun({ fields: { filename: 'set.zip', kind: 'fine-tuning' }, length: content.length });
    await patch(id, content);
    const { status, problem } = await finish(id);
    expect([status, problem.code]).toEqual([400, 'validation_failed']);
    expect([(await head(id)).status, await staged(), await usedBytes()]).toEqual([404, [], before]);
    expect(await readdir(join(api.dataRoot, 'datasets/uploads'))).not.toContain(id);
  });

  it('should take room when they begin, and keep that of the dataset', async () => {
    const before = await usedBytes();
    const content = Buffer.from(ROWS.repeat(1000));
    const packed = await tarGzFile([{ name: 'rows.jsonl', content }]);
    const id = await begun({ fields: { filename: 'set.tgz', kind: 'fine-tuning' }, length: packed.length });
    expect(await usedBytes()).toBe(before + packed.length);
    await patch(id, packed);
    await finish(id);
    expect(await usedBytes()).toBe(before + content.length);
  });

  it('should refuse what does not fit into the quota, also when it only shows in the midst', async () => {
    const quota = api.app.get(StorageQuota);
    const left = QUOTA - (await usedBytes());
    await quota.reserve(TENANT, left - 1000);
    const before = await usedBytes();
    expect((await begin({ length: 1001 })).problem.code).toBe('quota_exceeded');
    const form = new FormData();
    form.append('kind', 'fine-tuning');
    form.append('files', new Blob([ROWS.repeat(10)]), 'a.jsonl');
    form.append('files', new Blob([ROWS.repeat(30)]), 'b.jsonl');
    const init = { method: 'POST', body: form, headers: { 'x-tenant-id': TENANT } };
    const response = await fetch(`${api.url}/datasets/upload`, init);
    expect([response.status, codeOf(await response.text())]).toEqual([429, 'quota_exceeded']);
    const packed = await tarGzFile([{ name: 'rows.jsonl', content: ROWS.repeat(100) }]);
    const id = await begun({ fields: { filename: 'set.tgz', kind: 'fine-tuning' }, length: packed.length });
    await patch(id, packed);
    expect((await finish(id)).problem.code).toBe('quota_exceeded');
    expect(await usedBytes()).toBe(before + packed.length);
    await quota.release(TENANT, left - 1000);
    // Nothing was wrong with the upload itself.
    expect((await finish(id)).status).toBe(201);
  });

  it('should be limited in number', async () => {
    const ids = [await begun(), await begun(), await begun()];
    expect((await begin()).problem.code).toBe('uploads_exhausted');
    expect((await begin({ tenant: OTHER_TENANT })).status).toBe(201);
    for (const id of ids) await remove(id);
  });

  it('should be forgotten when nobody goes on with them, and give their room back', async () => {
    const before = await usedBytes();
    const id = await begun();
    await patch(id, Buffer.from(ROWS.slice(0, 5)));
    const { prisma } = api.app.get(Database);
    const touchedAt = new Date(Date.now() - EXPIRES_MS - 1000);
    await prisma.upload.update({ where: { id }, data: { touchedAt } });
    expect((await head(id)).status).toBe(404);
    await api.app.get(UploadSweeper).sweep();
    expect([await staged(), await usedBytes(), await prisma.upload.count({ where: { id } })]).toEqual([[], before, 0]);
  });
});
