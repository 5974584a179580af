import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { type Dataset, DatasetSchema, type ErrorBody } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { requestHash } from '../src/idempotency/request-hash.js';
import { Storage } from '../src/storage/storage.js';
import { UploadSweeper } from '../src/uploads/upload-sweeper.js';
import { UploadsRepository } from '../src/uploads/uploads.repository.js';
import { picture } from './dataset-files.js';
import { tarFile, tarGzFile } from './tar-file.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';
import { type ZipEntry, zipFile } from './zip-file.js';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILE_BYTES = 2 * 1024 * 1024;
const MAX_FILES = 20;

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp({
    env: {
      UPLOAD_MAX_BYTES: String(MAX_BYTES),
      UPLOAD_MAX_FILE_BYTES: String(MAX_FILE_BYTES),
      UPLOAD_MAX_FILES: String(MAX_FILES),
      UPLOAD_MAX_UNPACKED_BYTES: String(40 * 1024 * 1024),
      UPLOAD_MAX_NAME_BYTES: '100',
      UPLOAD_MAX_OPEN: '2',
    },
  });
});
afterAll(() => api.close());
afterEach(() => void jest.restoreAllMocks());

type Content = string | Buffer;
interface Upload {
  fields?: Record<string, string>;
  files: [name: string, content: Content][];
}

const ROWS = '{"text":"one"}\n{"text":"two"}\n';

/** The DOM's types ask for bytes that are not shared between threads. */
const toBytes = (content: Content): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(content));

function formOf({ fields = { kind: 'fine-tuning' }, files }: Upload): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const [name, content] of files) form.append('files', new Blob([toBytes(content)]), name);
  return form;
}

async function upload(input: Upload | FormData, { tenant = TENANT, headers = {} } = {}) {
  const body = input instanceof FormData ? input : formOf(input);
  const init = { method: 'POST', body, headers: { 'x-tenant-id': tenant, ...headers } };
  const response = await fetch(`${api.url}/datasets/upload`, init);
  const text = await response.text();
  const parsed: unknown = JSON.parse(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: parsed as Dataset,
    problem: parsed as ErrorBody,
  };
}

const refusedFields = ({ problem }: { problem: ErrorBody }): string[] => Object.keys(problem.errors?.fieldErrors ?? {});
const reasonOf = ({ problem }: { problem: ErrorBody }): string => problem.detail ?? '';

/** Names of all that lies in storage because of uploads. */
async function stored(): Promise<string[]> {
  const below = (folder: string) =>
    readdir(join(api.dataRoot, folder), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  return [...(await below('datasets/uploads')), ...(await below('.uploads'))];
}

const openUploads = () => api.app.get(Database).prisma.upload.count();

/** Runs a refusal and holds it to its promise: nothing is registered, nothing is left. */
async function refused(work: () => Promise<{ status: number; problem: ErrorBody }>) {
  const before = { files: await stored(), datasets: await api.app.get(Database).prisma.dataset.count() };
  const answer = await work();
  expect({ files: await stored(), datasets: await api.app.get(Database).prisma.dataset.count() }).toEqual(before);
  expect(await openUploads()).toBe(0);
  return answer;
}

describe('POST /datasets/upload', () => {
  it('should make an inspected dataset of pictures and captions', async () => {
    const image = await picture(1);
    const { status, body } = await upload({
      fields: { kind: 'lora-training', name: 'Portraits', meta: '{"triggerWord":"ohwx"}' },
      files: [
        ['a.png', image],
        ['a.txt', 'a photo of ohwx'],
        ['more/b.jpg', await picture(2, { format: 'jpeg' })],
      ],
    });
    expect(status).toBe(201);
    expect(DatasetSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      tenantId: TENANT,
      kind: 'lora-training',
      path: `data/datasets/uploads/${body.id}`,
      meta: { triggerWord: 'ohwx', name: 'Portraits' },
      status: 'ready',
      stats: { images: 2, captions: 1 },
      upload: { files: 3, skipped: [], skippedCount: 0 },
    });
    expect(await readFile(join(api.dataRoot, 'datasets/uploads', body.id, 'a.png'))).toEqual(image);
    expect((await api.send<Dataset>(`GET /datasets/${body.id}`)).body).toEqual(body);
    expect((await api.send(`GET /datasets/${body.id}`, { tenant: OTHER_TENANT })).status).toBe(404);
  });

  it('should take fields that come after the files', async () => {
    const form = new FormData();
    form.append('files', new Blob([ROWS]), 'rows.jsonl');
    form.append('kind', 'fine-tuning');
    const { status, body } = await upload(form);
    expect([status, body.status, body.stats?.rows]).toEqual([201, 'ready', 2]);
  });

  it('should register files that hold nothing of use as a failed dataset that says why', async () => {
    const { status, body } = await upload({
      fields: { kind: 'lora-training' },
      files: [['page.png', '<html><script>alert(1)</script></html>']],
    });
    expect([status, body.status]).toEqual([201, 'failed']);
    expect(body.problems.map(({ file }) => file)).toContain('page.png');
  });

  it('should keep a picture that is also something else as the picture that it is', async () => {
    const polyglot = Buffer.concat([await picture(3), zipFile([{ name: 'x', content: 'x' }]), Buffer.from('<html>')]);
    const { body } = await upload({ fields: { kind: 'lora-training' }, files: [['a.png', polyglot]] });
    expect(body.stats?.images).toBe(1);
  });

  it('should skip and list hidden files and files that no dataset uses', async () => {
    const { body } = await upload({
      files: [
        ['rows.jsonl', ROWS],
        ['.DS_Store', 'x'],
        ['__MACOSX/._rows.jsonl', 'x'],
        ['.git/hooks/pre-commit', '#!/bin/sh'],
        ['README.md', '# rows'],
      ],
    });
    expect(body.upload).toEqual({
      files: 1,
      bytes: ROWS.length,
      skippedCount: 4,
      skipped: [
        { name: '.DS_Store', reason: 'A hidden file.' },
        { name: '__MACOSX/._rows.jsonl', reason: 'A hidden file.' },
        { name: '.git/hooks/pre-commit', reason: 'A hidden file.' },
        { name: 'README.md', reason: 'Neither a picture nor a .txt, .csv or .jsonl file.' },
      ],
    });
    expect(await readdir(join(api.dataRoot, 'datasets/uploads', body.id))).toEqual(['rows.jsonl']);
  });

  it('should keep composed and decomposed letters as one name', async () => {
    const { body } = await upload({ files: [['caf\u0065\u0301.jsonl', ROWS]] });
    expect(await readdir(join(api.dataRoot, 'datasets/uploads', body.id))).toEqual(['caf\u00e9.jsonl']);
  });

  it('should answer a repetition with the same key as it answered the first', async () => {
    const send = () => upload({ files: [['rows.jsonl', ROWS]] }, { headers: { 'idempotency-key': 'upload-1' } });
    const [first, again] = [await send(), await send()];
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([201, first.text, 'true']);
    const other = { files: [['rows.jsonl', ROWS.repeat(9)]] } satisfies Upload;
    const reused = await upload(other, { headers: { 'idempotency-key': 'upload-1' } });
    expect([reused.status, reused.problem.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('should start anew where a process died in the midst of an upload with the same key', async () => {
    const key = 'upload-2';
    const { prisma } = api.app.get(Database);
    const id = newId();
    const files: Upload['files'] = [['rows.jsonl', ROWS]];
    const hash = requestHash({ length: null });
    const dead = { tenantId: TENANT, route: 'POST /datasets/upload', key, requestHash: hash, resourceId: id };
    await prisma.idempotencyKey.create({ data: { ...dead, createdAt: new Date(Date.now() - 120_000) } });
    await api.app.get(UploadsRepository).open({ id, tenantId: TENANT, protocol: 'form' }, 9);
    await api.app.get(Storage).write(`datasets/uploads/${id}/half.txt`, Readable.from([Buffer.from('x')]));
    const bytes = formBytes(files.map(([name, content]) => ({ name, content })));
    const { status, body } = await sendRaw<Dataset>(bytes, { 'idempotency-key': key });
    expect([status, body.id, body.upload?.files]).toEqual([201, id, 1]);
    expect(await readdir(join(api.dataRoot, 'datasets/uploads', id))).toEqual(['rows.jsonl']);
  });

  it.each<[string, Upload, string]>([
    ['no kind', { fields: {}, files: [['a.jsonl', ROWS]] }, 'kind'],
    ['an unknown kind', { fields: { kind: 'x' }, files: [['a.jsonl', ROWS]] }, 'kind'],
    ['an unknown field', { fields: { kind: 'fine-tuning', path: 'data/x' }, files: [['a.jsonl', ROWS]] }, 'path'],
    ['a field that is no JSON', { fields: { kind: 'fine-tuning', meta: '{' }, files: [['a.jsonl', ROWS]] }, 'meta'],
    ['meta that is no object', { fields: { kind: 'fine-tuning', meta: '[1]' }, files: [['a.jsonl', ROWS]] }, 'meta'],
    [
      'meta that would change all objects',
      { fields: { kind: 'fine-tuning', meta: '{"a":{"__proto__":{"isAdmin":true}}}' }, files: [['a.jsonl', ROWS]] },
      'meta',
    ],
    [
      'meta that says a thing twice',
      { fields: { kind: 'fine-tuning', meta: '{"a":1,"a":2}' }, files: [['a.jsonl', ROWS]] },
      'meta.a',
    ],
    ['a name that is empty', { fields: { kind: 'fine-tuning', name: ' ' }, files: [['a.jsonl', ROWS]] }, 'name'],
    ['a name with NUL', { fields: { kind: 'fine-tuning', name: 'a\0b' }, files: [['a.jsonl', ROWS]] }, 'name'],
    ['no file', { files: [] }, 'files'],
    ['nothing but skipped files', { files: [['.hidden', 'x']] }, 'files'],
    [
      'a field called __proto__',
      { fields: { kind: 'fine-tuning', ['__proto__']: 'x' }, files: [['a.jsonl', ROWS]] },
      '__proto__',
    ],
  ])('should refuse %s', async (_case, input, field) => {
    const answer = await refused(() => upload(input));
    expect([answer.status, refusedFields(answer)]).toEqual([400, [field]]);
  });

  it('should refuse a field given twice, a file under another name and a file without a name', async () => {
    const twice = formOf({ files: [] });
    twice.append('kind', 'fine-tuning');
    const elsewhere = formOf({ files: [] });
    elsewhere.append('file', new Blob([ROWS]), 'a.jsonl');
    const nameless = formOf({ files: [] });
    nameless.append('files', ROWS);
    for (const [form, field] of [
      [twice, 'kind'],
      [elsewhere, 'file'],
      [nameless, 'files'],
    ] as const) {
      const answer = await refused(() => upload(form));
      expect([answer.status, refusedFields(answer)]).toEqual([400, [field]]);
    }
  });

  it.each([
    ['../escape.txt', /\.\./],
    ['a/../../escape.txt', /\.\./],
    ['/etc/passwd.txt', /absolute/i],
    ['C:\\x.txt', /absolute/i],
    ['a\\b.txt', /\\/],
    ['a\u0001.txt', /control/i],
    ['a\u202etxt.png', /invisible/i],
    ['\uff0e\uff0e/x.txt', /look-alikes/i],
    ['a//b.txt', /between every two/i],
    [`${'x'.repeat(101)}.txt`, /at most 100 bytes/],
    [`${'d/'.repeat(17)}x.txt`, /folders deep/],
    ['model.pt', /run code/],
    ['model.CKPT', /run code/],
    ['weights.bin', /run code/],
    ['x.pkl', /run code/],
    ['setup.exe', /program/i],
    ['run.sh', /program/i],
    ['more.zip', /archive must stand alone/i],
    ['more.rar', /archive must stand alone/i],
  ])('should refuse the name %j', async (name, reason) => {
    const files: Upload['files'] = [
      ['fine.jsonl', ROWS],
      [name, 'x'],
    ];
    const answer = await refused(() => upload({ files }));
    expect([answer.status, refusedFields(answer)[0]?.startsWith('files.')]).toEqual([400, true]);
    expect(reasonOf(answer)).toMatch(reason);
  });

  it.each([
    ['a pickle', Buffer.from([0x80, 0x04, 0x95, 0, 0, 0, 0]), 'a.png'],
    ['a checkpoint made of a zip', zipFile([{ name: 'archive/data.pkl', content: 'x' }]), 'a.png'],
    ['a pickle under a name that would be skipped', Buffer.from([0x80, 0x02, 0x7d]), 'weights.dat'],
    ['a Linux program', Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), 'a.txt'],
    ['a Windows program', Buffer.from('MZ\x90\x00\x03', 'latin1'), 'a.jpg'],
    ['a script', Buffer.from('#!/bin/sh\nrm -rf /'), 'a.txt'],
    ['a packed file', gzipSync('x'), 'a.jsonl'],
  ])('should refuse %s whatever it is called', async (_case, content, name) => {
    const answer = await refused(() =>
      upload({
        files: [
          ['fine.jsonl', ROWS],
          [name, content],
        ],
      }),
    );
    expect([answer.status, refusedFields(answer)]).toEqual([400, [`files.${name}`]]);
  });

  it.each([
    ['the same', 'a.txt', 'a.txt'],
    ['the same but for case', 'Straße.txt', 'STRASSE.TXT'],
    ['the same but for the way a letter is written', 'caf\u00e9.txt', 'caf\u0065\u0301.txt'],
    ['that of a folder', 'a.txt/b.txt', 'a.txt'],
    ['that of a file', 'a.txt', 'A.TXT/b.txt'],
  ])('should refuse a name that is %s', async (_case, first, second) => {
    const files: Upload['files'] = [
      [first, 'x'],
      [second, 'y'],
    ];
    const answer = await refused(() => upload({ files }));
    expect([answer.status, reasonOf(answer)]).toEqual([400, expect.stringMatching(/Another file has this name/)]);
  });

  it('should take as many files as allowed, and refuse one more', async () => {
    const files = Array.from({ length: MAX_FILES }, (_, index): [string, string] => [`${index}.jsonl`, ROWS]);
    expect((await upload({ files })).status).toBe(201);
    const answer = await refused(() => upload({ files: [...files, ['one-more.jsonl', ROWS]] }));
    expect([answer.status, answer.problem.code]).toEqual([413, 'upload_too_large']);
  });

  it('should refuse a file that is too large, by its name', async () => {
    const content = Buffer.alloc(MAX_FILE_BYTES + 1, 'a');
    const answer = await refused(() =>
      upload({
        files: [
          ['fine.jsonl', ROWS],
          ['large.txt', content],
        ],
      }),
    );
    expect([answer.status, refusedFields(answer)]).toEqual([413, ['files.large.txt']]);
  });

  it('should refuse a body that is too large, announced or not', async () => {
    const half = Buffer.alloc(MAX_BYTES / 2, 'a');
    const files: Upload['files'] = ['a.txt', 'b.txt', 'c.txt'].map((name) => [name, half]);
    expect((await refused(() => upload({ files }))).status).toBe(413);
    const unannounced = await refused(() => sendRaw(formBytes(files.map(([name, content]) => ({ name, content })))));
    expect([unannounced.status, unannounced.problem.code]).toEqual([413, 'upload_too_large']);
  });

  it('should refuse a body that ends before its last boundary', async () => {
    const whole = formBytes([{ name: 'a.jsonl', content: ROWS }]);
    const answer = await refused(() => sendRaw(whole.subarray(0, whole.length - 20)));
    expect([answer.status, answer.problem.code]).toEqual([400, 'multipart_malformed']);
  });

  it.each(['application/json', 'multipart/form-data'])('should refuse %s that is no form', async (contentType) => {
    const { status } = await api.send('POST /datasets/upload', {
      body: '{}',
      headers: { 'content-type': contentType },
    });
    expect(status).toBe(contentType === 'application/json' ? 415 : 400);
  });

  it('should refuse without a tenant', async () => {
    const init = { method: 'POST', body: formOf({ files: [['a.jsonl', ROWS]] }) };
    expect((await fetch(`${api.url}/datasets/upload`, init)).status).toBe(401);
  });

  it('should leave nothing when the client hangs up half way', async () => {
    const before = await stored();
    const [port, whole] = [
      Number(new URL(api.url).port),
      formBytes([{ name: 'a.txt', content: Buffer.alloc(500_000) }]),
    ];
    const socket = connect(port, '127.0.0.1');
    socket.write(rawHead(whole.length));
    socket.write(whole.subarray(0, 300_000));
    await waitUntil(async () => (await stored()).length > before.length, {
      timeoutMs: 10_000,
      what: 'the first bytes',
    });
    socket.destroy();
    await waitUntil(async () => (await openUploads()) === 0, { timeoutMs: 10_000, what: 'the end of the upload' });
    expect(await stored()).toEqual(before);
  });

  it('should answer 507 when the disk is full, and leave nothing', async () => {
    const storage = api.app.get(Storage);
    const write = storage.write.bind(storage);
    jest
      .spyOn(storage, 'write')
      .mockImplementation((key, content, options) =>
        key.endsWith('b.jsonl')
          ? Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
          : write(key, content, options),
      );
    const answer = await refused(() => upload({ files: ['a', 'b', 'c'].map((name) => [`${name}.jsonl`, ROWS]) }));
    expect([answer.status, answer.problem.code]).toEqual([507, 'storage_full']);
  });

  it('should refuse a tenant with too many open uploads, and no other', async () => {
    const repository = api.app.get(UploadsRepository);
    const held = [1, 2].map(() => repository.open({ id: newId(), tenantId: TENANT, protocol: 'form' }, 2));
    const claims = await Promise.all(held);
    const answer = await upload({ files: [['a.jsonl', ROWS]] });
    expect([answer.status, answer.problem.code]).toEqual([429, 'uploads_exhausted']);
    expect((await upload({ files: [['a.jsonl', ROWS]] }, { tenant: OTHER_TENANT })).status).toBe(201);
    for (const claim of claims) await repository.remove(claim);
  });

  it('should never let two requests pass the limit together', async () => {
    const repository = api.app.get(UploadsRepository);
    const tries = Array.from({ length: 8 }, () =>
      repository.open({ id: newId(), tenantId: TENANT, protocol: 'form' }, 3),
    );
    const claims = (await Promise.allSettled(tries)).flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    expect(claims).toHaveLength(3);
    for (const claim of claims) await repository.remove(claim);
  });
});

describe('an uploaded archive', () => {
  const archive = (name: string, content: Buffer, more: Upload['files'] = []) =>
    upload({ files: [[name, content], ...more] });
  const rows = { name: 'rows.jsonl', content: ROWS };

  it.each<[string, () => Buffer | Promise<Buffer>]>([
    [
      'set.zip',
      () =>
        zipFile([
          { name: 'set/', mode: 0o040755 },
          { name: 'set/rows.jsonl', content: ROWS },
        ]),
    ],
    ['SET.ZIP', () => zipFile([{ name: 'set/rows.jsonl', content: ROWS, isStored: true }])],
    [
      'set.tar',
      () =>
        tarFile([
          { name: './', type: 'directory' },
          { name: './set/rows.jsonl', content: ROWS },
        ]),
    ],
    [
      'set.tar.gz',
      () =>
        tarGzFile([
          { name: 'set/', type: 'directory' },
          { name: 'set/rows.jsonl', content: ROWS },
        ]),
    ],
    ['set.tgz', () => tarGzFile([{ name: 'set/rows.jsonl', content: ROWS }])],
  ])('should be unpacked: %s', async (name, make) => {
    const { status, body } = await archive(name, await make());
    expect([status, body.status, body.stats?.rows]).toEqual([201, 'ready', 2]);
    expect(await readFile(join(api.dataRoot, 'datasets/uploads', body.id, 'set/rows.jsonl'), 'utf8')).toBe(ROWS);
    expect(await openUploads()).toBe(0);
    expect((await stored()).filter((file) => /archive|part/.test(file))).toEqual([]);
  });

  it('should have names in other letters', async () => {
    const name = `${'long-name-'.repeat(5)}фото.jsonl`;
    const { body } = await archive('set.tar', await tarFile([{ name, content: ROWS }]));
    expect(await readdir(join(api.dataRoot, 'datasets/uploads', body.id))).toEqual([name]);
  });

  it('should skip and list what no dataset uses', async () => {
    const content = zipFile([
      rows,
      { name: '__MACOSX/._rows.jsonl', content: 'x' },
      { name: 'LICENSE', content: 'MIT' },
    ]);
    const { body } = await archive('set.zip', content);
    expect(body.upload?.skipped.map(({ name }) => name)).toEqual(['__MACOSX/._rows.jsonl', 'LICENSE']);
  });

  it.each<[string, ZipEntry, RegExp]>([
    ['a path that escapes', { name: '../rows.txt', content: 'x' }, /\.\./],
    ['a folder that escapes', { name: '../../', mode: 0o040755 }, /\.\./],
    ['an absolute name', { name: '/etc/rows.txt', content: 'x' }, /absolute/i],
    ['a backslash', { name: 'a\\..\\b.txt', content: 'x' }, /\\/],
    ['a NUL', { name: 'a.txt\0.png', content: 'x' }, /control/i],
    ['a link', { name: 'a.txt', content: '/etc/passwd', mode: 0o120777 }, /links/],
    ['a device', { name: 'a.txt', mode: 0o020666 }, /devices/],
    ['a pipe', { name: 'a.txt', mode: 0o010644 }, /pipes/],
    ['an encrypted file', { name: 'a.txt', content: 'x', isEncrypted: true }, /encrypted/i],
    ['a method that nobody knows', { name: 'a.txt', content: 'x', method: 99 }, /not supported/],
    ['two names for one file', { name: 'a.txt', content: 'x', localName: 'b.txt' }, /two different things/],
    ['a wrong checksum', { name: 'a.txt', content: 'x', checksum: 1 }, /checksum/],
    ['a size that is too small', { name: 'a.txt', content: 'xxxx', uncompressedSize: 1 }, /unpacked/],
    ['a size that is too large', { name: 'a.txt', content: 'xxxx', uncompressedSize: 9 }, /unpacked/],
    ['the place of another file', { name: 'twin.jsonl', content: ROWS, at: 0 }, /two different things/],
    ['an archive', { name: 'more.zip', content: 'x' }, /archive must stand alone/i],
    ['an archive by another name', { name: 'a.txt', content: zipFile([rows]) }, /archive/],
    ['a checkpoint', { name: 'model.ckpt', content: 'x' }, /run code/],
    ['the same name in other case', { name: 'ROWS.jsonl', content: ROWS }, /Another file/],
  ])('should be refused as zip with %s', async (_case, entry, reason) => {
    const answer = await refused(() => archive('set.zip', zipFile([rows, entry])));
    expect([answer.status, refusedFields(answer)[0]?.startsWith('files.')]).toEqual([400, true]);
    expect(reasonOf(answer)).toMatch(reason);
  });

  it('should be refused as zip with a file inside of another', async () => {
    const inner = { name: 'inner.txt', content: ROWS, isStored: true };
    const start = '{"text":"a file begins here"}\n';
    // The bytes of the inner file, headers and all, as a part of the outer one.
    const outer = { name: 'outer.txt', isStored: true, content: Buffer.concat([Buffer.from(start), zipFile([inner])]) };
    const at = 30 + outer.name.length + start.length;
    const answer = await refused(() => archive('set.zip', zipFile([outer, { ...inner, at }])));
    expect([answer.status, reasonOf(answer)]).toEqual([400, expect.stringMatching(/share the same bytes/)]);
  });

  it.each<[string, Parameters<typeof tarFile>[0][number], RegExp]>([
    ['a path that escapes', { name: '../rows.txt', content: 'x' }, /\.\./],
    ['an absolute name', { name: '/etc/rows.txt', content: 'x' }, /absolute/i],
    ['a link', { name: 'a.txt', type: 'symlink', linkname: '/etc/passwd' }, /links/],
    ['a hard link', { name: 'a.txt', type: 'link', linkname: 'rows.jsonl' }, /links/],
    ['a device', { name: 'a.txt', type: 'character-device' }, /devices/],
    ['a pipe', { name: 'a.txt', type: 'fifo' }, /pipes/],
    ['an archive', { name: 'more.tar', content: 'x' }, /archive must stand alone/i],
    ['the same name', rows, /Another file/],
  ])('should be refused as tar with %s', async (_case, entry, reason) => {
    const answer = await refused(async () => archive('set.tar', await tarFile([rows, entry])));
    expect([answer.status, reasonOf(answer)]).toEqual([400, expect.stringMatching(reason)]);
  });

  it.each<[string, string, () => Buffer | Promise<Buffer>]>([
    ['a zip that is none', 'set.zip', () => Buffer.from('PK\x03\x04 and nothing more')],
    ['a zip cut in two', 'set.zip', () => half(zipFile([rows]))],
    ['a tar that is none', 'set.tar', () => Buffer.alloc(2048, 'x')],
    [
      'a tar cut in two',
      'set.tar',
      async () => (await tarFile([{ name: 'a.txt', content: Buffer.alloc(5000, 'a') }])).subarray(0, 3000),
    ],
    ['a tar.gz that is none', 'set.tar.gz', () => Buffer.from('not packed at all')],
    [
      'a tar.gz cut in two',
      'set.tgz',
      async () => half(await tarGzFile([{ name: 'a.txt', content: ROWS.repeat(500) }])),
    ],
  ])('should be refused when it is %s', async (_case, name, make) => {
    const answer = await refused(async () => archive(name, await make()));
    expect([answer.status, refusedFields(answer)[0]?.startsWith('files.')]).toEqual([400, true]);
    expect(reasonOf(answer)).toMatch(/unpacked/);
  });

  it('should be refused when it holds nothing', async () => {
    for (const [name, content] of [
      ['set.zip', zipFile([])],
      ['set.tar', await tarFile([])],
    ] as const) {
      const answer = await refused(() => archive(name, content));
      expect([answer.status, refusedFields(answer)]).toEqual([400, ['files']]);
    }
  });

  it.each<[string, () => Buffer | Promise<Buffer>]>([
    ['bomb.zip', () => zipFile(bombs())],
    ['bomb.tar.gz', () => tarGzFile(bombs())],
  ])('should be refused when it explodes: %s', async (name, make) => {
    const answer = await refused(async () => archive(name, await make()));
    expect([answer.status, answer.problem.code]).toEqual([413, 'upload_too_large']);
    expect(reasonOf(answer)).toMatch(/times the size of the archive/);
  });

  it('should be refused when it holds too much, packed well or not', async () => {
    const entries = Array.from({ length: MAX_FILES + 1 }, (_, index) => ({
      name: `${index}/`,
      type: 'directory' as const,
    }));
    const many = await refused(async () => archive('set.tar', await tarFile(entries)));
    expect([many.status, reasonOf(many)]).toEqual([413, expect.stringMatching(/20 files/)]);
    const zipped = zipFile(entries.map(({ name }) => ({ name, mode: 0o040755 })));
    expect((await refused(() => archive('set.zip', zipped))).status).toBe(413);
  });

  it('should be refused beside other files, whichever comes first', async () => {
    const zip = zipFile([rows]);
    const after = await refused(() => archive('set.zip', zip, [['b.jsonl', ROWS]]));
    const before = await refused(() =>
      upload({
        files: [
          ['b.jsonl', ROWS],
          ['set.zip', zip],
        ],
      }),
    );
    const two = await refused(() => archive('set.zip', zip, [['again.zip', zip]]));
    expect([after, before, two].map(({ status }) => status)).toEqual([400, 400, 400]);
  });
});

describe('the sweep', () => {
  it('should remove what a process that died has left, and nothing that is alive', async () => {
    const [repository, storage] = [api.app.get(UploadsRepository), api.app.get(Storage)];
    const claims = await Promise.all(
      [1, 2].map(() => repository.open({ id: newId(), tenantId: TENANT, protocol: 'form' }, 9)),
    );
    const [dead, alive] = claims as [(typeof claims)[0], (typeof claims)[0]];
    for (const { id } of claims) await storage.write(`datasets/uploads/${id}/a.txt`, Readable.from([Buffer.from('x')]));
    await storage.write(`.uploads/${dead.id}/archive`, Readable.from([Buffer.from('x')]));
    const { prisma } = api.app.get(Database);
    await prisma.upload.update({ where: { id: dead.id }, data: { touchedAt: new Date(Date.now() - 3_600_000) } });
    await api.app.get(UploadSweeper).sweep();
    expect(await prisma.upload.findMany({ select: { id: true } })).toEqual([{ id: alive.id }]);
    const left = await stored();
    expect(left.filter((file) => file.startsWith(dead.id))).toEqual([]);
    expect(left).toContain(join(alive.id, 'a.txt'));
    expect(await repository.touch(dead)).toBeUndefined();
    await storage.removeFolder(`datasets/uploads/${alive.id}`);
    await repository.remove(alive);
  });
});

const half = (content: Buffer): Buffer => content.subarray(0, Math.floor(content.length / 2));

const bombs = () =>
  Array.from({ length: 18 }, (_, index) => ({ name: `${index}.txt`, content: Buffer.alloc(1024 * 1024, 'a') }));

const BOUNDARY = `boundary-${newId()}`;

function formBytes(files: { name: string; content: Content }[]): Buffer {
  const parts = files.flatMap(({ name, content }) => [
    Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="files"; filename="${name}"\r\n\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  const kind = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="kind"\r\n\r\nfine-tuning\r\n`;
  return Buffer.concat([Buffer.from(kind), ...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

const CONTENT_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

const rawHead = (length: number): string =>
  `POST /datasets/upload HTTP/1.1\r\nhost: x\r\nx-tenant-id: ${TENANT}\r\ncontent-type: ${CONTENT_TYPE}\r\ncontent-length: ${length}\r\n\r\n`;

/** Sends bytes as a body whose length is not announced. */
async function sendRaw<T = unknown>(bytes: Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}/datasets/upload`, {
    method: 'POST',
    headers: { 'x-tenant-id': TENANT, 'content-type': CONTENT_TYPE, ...headers },
    body: new Blob([toBytes(bytes)]).stream(),
    duplex: 'half',
  } as RequestInit);
  const body: unknown = await response.json();
  return { status: response.status, body: body as T, problem: body as ErrorBody };
}
