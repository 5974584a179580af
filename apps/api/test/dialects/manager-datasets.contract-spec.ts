import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Usage } from '@influencerai/shared';
import type { ManagerDataset } from '../../src/dialects/manager/manager-datasets.schema.js';
import { JobsFixture } from '../jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from '../test-app.js';

interface Failed {
  detail: string | { loc: (string | number)[]; msg: string; type: string }[];
}

const fixture = <T = Record<string, unknown>>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../src/dialects/manager/fixtures/${name}.json`, import.meta.url), 'utf8')) as T;

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

/** As a client sends it, which knows no credentials. */
const send = <T = ManagerDataset>(route: string, body?: unknown) =>
  api.send<T>(route, { tenant: null, ...(body !== undefined && { body }) });

const upload = async <T = ManagerDataset>(
  fileName: string,
  content: string | Uint8Array<ArrayBuffer>,
  { fields = { name: 'Training Dataset' }, headers = {} }: { fields?: Record<string, string>; headers?: object } = {},
) => {
  const form = new FormData();
  form.append('file', new Blob([content]), fileName);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const response = await fetch(`${api.url}/api/v1/datasets/`, { method: 'POST', body: form, headers: { ...headers } });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as T };
};

const refusal = async (fileName: string, content: string | Uint8Array<ArrayBuffer>) => {
  const { status, body } = await upload<Failed>(fileName, content);
  return [status, body.detail];
};

const usedBytes = async () => (await api.send<Usage>('GET /usage')).body.storage.usedBytes;
const fileOf = ({ file_path }: ManagerDataset) => join(api.folderOf(TENANT), file_path.slice('data/'.length));

/** What the documented answer is about: 100 rows of two columns, 1024 bytes in all. */
const DOCUMENTED_CSV = [
  'input,output',
  ...Array.from({ length: 99 }, (_, at) => `${String(at).padStart(4, '0')},rows`),
  `0099,${'x'.repeat(15)}`,
  '',
].join('\n');

describe('POST /api/v1/datasets/', () => {
  it('should answer as documented [003:endpoint-datasets-create,example-dataset,no-credentials,integer-ids]', async () => {
    const { status, text, body } = await upload('data.csv', DOCUMENTED_CSV, {
      fields: { name: 'Training Dataset', description: 'Sample training data' },
    });
    expect(status).toBe(201);
    const expected = JSON.stringify(fixture('dataset.response'))
      .replace('abc123', body.file_path.split('/').at(-2)!)
      .replace('2024-01-01T00:00:00Z', body.created_at)
      .replace('2024-01-01T00:00:00Z', body.updated_at);
    expect(text).toBe(expected);
    expect(body.id).toBe(1);
    expect(await readFile(fileOf(body), 'utf8')).toBe(DOCUMENTED_CSV);
  });

  it.each([
    ['a.csv', '\uFEFFinput,output\r\n"a, ""b""\r\nc",d\r\n\r\n', 1, ['input', 'output']],
    ['a.jsonl', '{"text":"a"}\n\n{"text":"b","more":1}', 2, ['text', 'more']],
    [
      'A.JSON',
      '[\n {"prompt": "[\\"",\n "completion": "}"},\n {"prompt": "x", "completion": "ü\u2028"}\n]',
      2,
      ['prompt', 'completion'],
    ],
  ])('should read %s [003:dataset-types]', async (name, content, rows, columns) => {
    const { status, body } = await upload(name, content);
    expect([status, body.row_count, body.column_count, JSON.parse(body.columns ?? '')]).toEqual([
      201,
      rows,
      columns.length,
      columns,
    ]);
    expect([body.filename, body.file_size]).toEqual([name, Buffer.byteLength(content)]);
  });

  it('should keep an array as lines that say the same, which every trainer reads', async () => {
    const rows = [
      { input: 'a\n"b"', output: '12345678901234567890' },
      { input: '', output: 'ü', n: 1e2 },
    ];
    const { body } = await upload('rows.json', JSON.stringify(rows, null, '\t').replace('100', '1.00e2'));
    expect([body.file_type, body.file_path.endsWith('/rows.jsonl')]).toEqual(['json', true]);
    const lines = (await readFile(fileOf(body), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(rows);
    expect(lines[1]).toContain('1.00e2');
  });

  it.each([
    ['data.csv', 'a,b\n1,2\n1,2,3\n', 'Line 3 has 3 fields, the header has 2.'],
    ['data.csv', 'a,a\n1,2\n', 'Line 1 names the column "a" twice.'],
    ['data.csv', 'a,b\n', 'It holds no row.'],
    ['data.csv', '', 'It holds no row.'],
    ['data.csv', 'a,b\n"1,2\n', 'line 2 is never closed'],
    ['data.csv', '{"a": 1}\n', 'It holds no row.'],
    ['data.jsonl', '{"a":1}\n{"a":\n', 'Line 2 is not valid JSON.'],
    ['data.jsonl', '{"a":1}\n[1]\n', 'Line 2 is not a JSON object.'],
    ['data.json', '[{"a":1},\n{"a":}]', 'Line 2 is not valid JSON.'],
    ['data.json', '[{"a":1},\n3]', 'Line 2 is not a JSON object.'],
    ['data.json', '[{"a":1},\n]', 'Line 2 is not valid JSON.'],
    ['data.json', '[{"a":1}', 'the array does not end'],
    ['data.json', '{"data":[{"a":1}]}', 'must be an array of objects'],
    ['data.json', '{"a":1}\n{"a":2}', 'must be an array of objects'],
    ['data.json', '[]', 'It holds no row.'],
    ['data.txt', 'a', '.csv, .json and .jsonl are taken'],
    ['data.csv.exe', 'a', '.csv, .json and .jsonl are taken'],
    ['../data.csv', 'a,b\n1,2\n', 'lead elsewhere'],
  ])('should refuse %s with %j [003:error-dataset-file]', async (name, content, sentence) => {
    const before = await usedBytes();
    expect(await refusal(name, content)).toEqual([400, expect.stringContaining(sentence)]);
    expect(await usedBytes()).toBe(before);
  });

  it.each([
    ['data.csv', [0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0], 'Holds an archive'],
    ['data.csv', [0xff, 0xfe, 0x61, 0x00, 0x0a, 0x00], 'not text in UTF-8'],
    ['data.json', [0x5b, 0xff, 0x5d], 'not text in UTF-8'],
    ['data.jsonl', [0x22, 0xff, 0x22], 'Line 1 is not valid UTF-8.'],
    ['data.csv', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 'not text in UTF-8'],
  ])('should refuse %s that is something else: %j', async (name, bytes, sentence) => {
    expect(await refusal(name, new Uint8Array(bytes))).toEqual([400, expect.stringContaining(sentence)]);
  });

  it('should refuse more columns than it could name', async () => {
    const names = Array.from({ length: 101 }, (_, at) => `c${at}`).join(',');
    expect(await refusal('wide.csv', `${names}\n${names}\n`)).toEqual([400, expect.stringContaining('100 columns')]);
  });

  it('should ask for a file and a name [003:dataset-form]', async () => {
    const nameless = await upload<Failed>('a.csv', 'a\n1\n', { fields: {} });
    expect([nameless.status, nameless.body.detail]).toEqual([
      422,
      [{ loc: ['body', 'name'], msg: 'Field required', type: 'missing' }],
    ]);
    const form = new FormData();
    form.append('name', 'Nothing');
    const response = await fetch(`${api.url}/api/v1/datasets`, { method: 'POST', body: form });
    expect([response.status, await response.json()]).toEqual([
      422,
      { detail: [{ loc: ['body', 'file'], msg: 'Field required', type: 'missing' }] },
    ]);
    expect((await upload('a.csv', 'a\n1\n', { fields: { name: 'x', surprise: 'y' } })).status).toBe(422);
  });

  it('should say so where the body is no form [003:error-422]', async () => {
    const { status, body } = await send<Failed>('POST /api/v1/datasets', { name: 'x' });
    expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc: ['body'] })]]);
  });

  it('should answer a repeated request as it answered the first', async () => {
    const headers = { 'idempotency-key': 'one-upload' };
    const [first, again] = [await upload('a.csv', 'a\n1\n', { headers }), await upload('a.csv', 'a\n1\n', { headers })];
    expect([again.status, again.body]).toEqual([first.status, first.body]);
  });

  it('should take a file of many megabytes, row by row', async () => {
    const row = `${'x'.repeat(998)},y\n`;
    const rows = 60_000;
    async function* content() {
      yield Buffer.from(
        '--edge\r\ncontent-disposition: form-data; name="name"\r\n\r\nLarge\r\n--edge\r\ncontent-disposition: form-data; name="file"; filename="large.csv"\r\n\r\ninput,output\n',
      );
      for (let at = 0; at < rows; at += 100) yield await Promise.resolve(Buffer.from(row.repeat(100)));
      yield Buffer.from('\r\n--edge--\r\n');
    }
    const response = await fetch(`${api.url}/api/v1/datasets/`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=edge' },
      body: ReadableStream.from(content()),
      duplex: 'half',
    } as RequestInit);
    const body = (await response.json()) as ManagerDataset;
    expect([response.status, body.row_count, body.file_size]).toEqual([201, rows, 13 + rows * row.length]);
  });
});

describe('/api/v1/datasets/{id}', () => {
  it('should list pages, newest first [003:endpoint-datasets-list,page]', async () => {
    const { id } = (await upload('last.csv', 'a\n1\n')).body;
    const { body } = await send<{ items: ManagerDataset[]; total: number }>('GET /api/v1/datasets/');
    const { items, ...page } = body;
    expect(items[0]?.id).toBe(id);
    expect(page).toEqual({ total: body.total, page: 1, page_size: 10, pages: Math.ceil(body.total / 10) });
    const second = await send<typeof body>('GET /api/v1/datasets?page=2&page_size=1');
    expect(second.body.items.map((item) => item.id)).toEqual([items[1]?.id]);
    const beyond = await send<typeof body>('GET /api/v1/datasets/?page=10000000&page_size=100');
    expect([beyond.status, beyond.body.items]).toEqual([200, []]);
  });

  it.each(['page=0', 'page=x', 'page_size=0', 'page_size=101', 'page=1.5', 'page=10000001'])(
    'should refuse the page ?%s [003:page]',
    async (query) => {
      const { status, body } = await send<Failed>(`GET /api/v1/datasets/?${query}`);
      const [field] = query.split('=');
      expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc: ['query', field] })]]);
    },
  );

  it('should get, change and delete it [003:null,endpoint-datasets-get,endpoint-datasets-update,endpoint-datasets-delete,example-dataset-update]', async () => {
    const { body: dataset } = await upload('a.csv', 'a\n1\n');
    const path = `/api/v1/datasets/${dataset.id}`;
    expect((await send(`GET ${path}`)).body).toEqual(dataset);
    const changed = await send(`PATCH ${path}/`, fixture('dataset-update.request'));
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { ...dataset, ...fixture('dataset-update.request'), updated_at: expect.any(String) },
    ]);
    expect((await send(`PATCH ${path}`, { description: null })).body).toMatchObject({
      name: 'Updated Name',
      description: null,
    });
    expect((await send(`PATCH ${path}`, { name: null })).body.name).toBe('Updated Name');
    const gone = await send(`DELETE ${path}/`);
    expect([gone.status, gone.text, existsSync(fileOf(dataset))]).toEqual([204, '', false]);
    expect((await send(`GET ${path}`)).status).toBe(404);
  });

  it('should take back one that was read, changed [003:read-back]', async () => {
    const { body: dataset } = await upload('a.csv', 'a\n1\n');
    const changed = await send(`PATCH /api/v1/datasets/${dataset.id}`, { ...dataset, name: 'Read and renamed' });
    expect([changed.status, changed.body]).toEqual([
      200,
      { ...dataset, name: 'Read and renamed', updated_at: expect.any(String) },
    ]);
    expect((await send(`PATCH /api/v1/datasets/${dataset.id}`, { colour: 1 })).status).toBe(422);
  });

  it.each(['GET', 'DELETE', 'PATCH'])(
    'should not find another tenant’s, nor what there is not: %s [003:error-dataset-404]',
    async (method) => {
      const { dataset } = await JobsFixture.create(api, OTHER_TENANT);
      const { total } = (await send<{ total: number }>('GET /api/v1/datasets')).body;
      expect(dataset.number).toBeLessThan(total);
      const mine = await api.send<ManagerDataset>(`GET /api/v1/datasets/${dataset.number}`, { tenant: TENANT });
      expect(mine.body.file_path).not.toContain(OTHER_TENANT);
      const ask = (id: number) =>
        api.send<Failed>(`${method} /api/v1/datasets/${id}`, {
          tenant: OTHER_TENANT,
          ...(method === 'PATCH' && { body: { name: 'x' } }),
        });
      for (const id of [total, 999_999, 0, 999_999_999_999_999]) {
        const { status, body } = await ask(id);
        expect([status, body]).toEqual([404, { detail: expect.stringContaining(String(id)) }]);
      }
    },
  );

  it.each(['abc', '1.5', '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d', '99999999999999999999'])(
    'should want an integer, not %s',
    async (id) => {
      const { status, body } = await send<Failed>(`GET /api/v1/datasets/${id}`);
      expect([status, body.detail]).toEqual([422, [expect.objectContaining({ loc: ['path', 'id'] })]]);
    },
  );

  it('should show what other faces brought', async () => {
    const { dataset } = await JobsFixture.create(api);
    const { body } = await send(`GET /api/v1/datasets/${dataset.number}`);
    expect(body).toMatchObject({ filename: TENANT, file_type: 'folder', row_count: 1, column_count: 0, columns: '[]' });
  });
});
