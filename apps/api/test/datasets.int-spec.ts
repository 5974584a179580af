import { mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { type Dataset, type DatasetProblem, DatasetSchema } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { DatasetInspector } from '../src/datasets/dataset-inspector.js';
import { DatasetsRepository } from '../src/datasets/datasets.repository.js';
import { InspectionsRepository } from '../src/datasets/inspections.repository.js';
import { picture, writeFiles } from './dataset-files.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

const UNKNOWN_ID = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp({ env: { SMALL_DATASET_FILES: '20' } });
});
afterAll(() => api.close());

let folders = 0;
/** A new folder below the data root. @returns its public path */
async function aFolder(files: Record<string, string | Buffer>): Promise<string> {
  const name = `datasets/set-${(folders += 1)}`;
  await mkdir(join(api.dataRoot, name), { recursive: true });
  await writeFiles(join(api.dataRoot, name), files);
  return `data/${name}`;
}

const create = (path: string, kind: Dataset['kind'] = 'lora-training', meta?: unknown) =>
  api.send<Dataset>('POST /datasets', { body: { kind, path, meta } });

async function created(files: Record<string, string | Buffer>, kind?: Dataset['kind']): Promise<Dataset> {
  const { status, body } = await create(await aFolder(files), kind);
  expect(status).toBe(201);
  return body;
}

const reasons = (problems: DatasetProblem[]): string[] =>
  problems.map(({ severity, file, reason }) => `${severity} ${file}: ${reason}`);

describe('POST /datasets', () => {
  it('should answer the documented request with the documented keys, inspected', async () => {
    const path = await aFolder({
      'a.png': await picture(1),
      'a.txt': 'a photo of ohwx',
      'b.jpg': await picture(2, { format: 'jpeg' }),
      'b.txt': 'ohwx',
    });
    const meta = { imageCount: 25, resolution: '1024x1024', triggerWord: 'ohwx' };
    const { status, body } = await create(path, 'lora-training', meta);
    expect(status).toBe(201);
    expect(DatasetSchema.parse(body)).toEqual(body);
    expect(body).toMatchObject({ tenantId: TENANT, kind: 'lora-training', path, meta, status: 'ready', problems: [] });
    expect(body.stats).toMatchObject({
      images: 2,
      captions: 2,
      formats: { png: 1, jpeg: 1 },
      resolutions: { '64x48': 2 },
      unreadable: 0,
      duplicates: 0,
    });
    expect(body.updatedAt >= body.createdAt).toBe(true);
  });

  it('should default meta to an empty object', async () => {
    expect((await created({ 'a.png': await picture(1) })).meta).toEqual({});
  });

  it('should give the same digest for the same content and another one for other captions', async () => {
    const [a, b, c] = await Promise.all(
      ['one', 'one', 'two'].map(async (caption) => created({ 'a.png': await picture(1), 'a.txt': caption })),
    );
    expect(a?.stats?.digest).toBe(b?.stats?.digest);
    expect(a?.stats?.digest).not.toBe(c?.stats?.digest);
  });

  it('should name what is wrong with each file and stay usable', async () => {
    const whole = await picture(7, { width: 300, height: 300, format: 'jpeg' });
    const dataset = await created({
      'a.png': await picture(1),
      'a.txt': 'good',
      'copy.png': await picture(1),
      'copy.txt': 'copied',
      'cut.jpg': whole.subarray(0, Math.floor(whole.length / 2)),
      'cut.txt': 'half of it',
      'empty.png': '',
      'gif.png': await picture(3, { format: 'gif' }),
      'mute.png': await picture(4),
      'blank.webp': await picture(5, { format: 'webp' }),
      'blank.txt': ' \n',
      'latin.png': await picture(6),
      'latin.txt': Buffer.from([0x63, 0x61, 0x66, 0xe9]),
      'lying.png': await picture(8, { format: 'jpeg' }),
      'lying.txt': 'named png',
      'lonely.txt': 'no picture',
      'README.md': '# hello',
      '.DS_Store': 'hidden',
      'sub/b.png': await picture(9),
      'sub/b.txt': 'in a folder',
    });
    expect(reasons(dataset.problems)).toEqual([
      expect.stringMatching(/^error cut.jpg: Cannot be used: .*premature end/i),
      'error empty.png: Cannot be used: it is empty.',
      'error gif.png: Cannot be used: it is no PNG, JPEG or WebP picture.',
      'error latin.txt: Cannot be used: the caption is not valid UTF-8.',
      'warning README.md: Ignored: neither a PNG, JPEG or WebP picture nor a caption.',
      'warning lonely.txt: Ignored: a caption without a picture of the same name.',
      'warning blank.txt: The caption is empty.',
      'warning copy.png: The same picture as a.png.',
      'warning lying.png: Named as png but holds jpeg data.',
      'warning mute.png: No caption: no .txt file of the same name beside it.',
    ]);
    expect(dataset.status).toBe('ready');
    expect(dataset.stats).toMatchObject({
      images: 7,
      captions: 4,
      unreadable: 3,
      duplicates: 1,
      formats: { png: 5, webp: 1, jpeg: 1 },
    });
  });

  it('should refuse a picture of too many pixels without decoding it', async () => {
    const bomb = await picture(1, { width: 12_000, height: 12_000 });
    const { status, problems } = await created({ 'bomb.png': bomb });
    expect([status, reasons(problems)]).toEqual([
      'failed',
      [
        'error : The folder holds no picture that can be used.',
        'error bomb.png: Cannot be used: it has 12000x12000 pixels, more than 100 million.',
      ].sort((a, b) => b.localeCompare(a)),
    ]);
  });

  it('should not let a picture that is really SVG reach a decoder', async () => {
    const { problems } = await created({ 'a.png': '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' });
    expect(problems[0]?.reason).toMatch(/no PNG, JPEG or WebP/);
  });

  it('should fail an empty folder and say so', async () => {
    const dataset = await created({});
    expect([dataset.status, dataset.problems]).toEqual([
      'failed',
      [{ file: '', severity: 'error', reason: 'The folder holds no picture that can be used.' }],
    ]);
  });

  it('should cap the list of problems', async () => {
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`note-${i}.md`, 'x']));
    const path = await aFolder({ 'a.png': await picture(1), 'a.txt': 'x', ...many });
    const { body } = await create(path);
    await api.app.get(DatasetInspector).idle();
    const { problems } = (await api.send<Dataset>(`GET /datasets/${body.id}`)).body;
    expect([problems.length, problems.at(-1)?.reason]).toEqual([101, '… and 30 more']);
  });

  it('should not follow links inside the folder', async () => {
    const path = await aFolder({ 'a.png': await picture(1), 'a.txt': 'x' });
    await symlink('/etc/hostname', join(api.dataRoot, path.slice(5), 'b.png'));
    await symlink('/etc', join(api.dataRoot, path.slice(5), 'etc'));
    const { body } = await create(path);
    expect(body.stats?.images).toBe(1);
    expect(body.problems.map(({ file }) => file).sort()).toEqual(['b.png', 'etc']);
  });

  it('should count the rows of JSON lines, CSV and plain text', async () => {
    const { status, stats, problems } = await created(
      {
        'a.jsonl': '{"prompt":"p","completion":"c"}\n\n{"prompt":"q"}\r\n{"extra":1}',
        'b.csv': '\uFEFFtext,label\r\n"two\nlines, ""quoted""",x\nplain,y\n',
        'c.txt': 'one\n\ntwo\n',
      },
      'fine-tuning',
    );
    expect([status, problems]).toEqual(['ready', []]);
    expect(stats).toMatchObject({
      rows: 7,
      columns: ['prompt', 'completion', 'extra', 'text', 'label'],
      images: 0,
      unreadable: 0,
    });
  });

  it('should say which lines of a text file are wrong', async () => {
    const { status, stats, problems } = await created(
      {
        'bad.jsonl': Buffer.concat([
          Buffer.from('{"a":1}\n{"a":\n[1]\n'),
          Buffer.from([0xff, 0x0a]),
          Buffer.from('{"a\\u0000b":2}'),
        ]),
        'bad.csv': 'a,b\n1,2\n1\n1,2,3\n',
        'open.csv': 'a,b\n1,"never closed\n',
        'pic.png': 'x',
      },
      'fine-tuning',
    );
    expect(reasons(problems)).toEqual([
      'error bad.csv: Line 3 has 1 fields, the header has 2.',
      'error bad.csv: Line 4 has 3 fields, the header has 2.',
      'error bad.jsonl: Line 2 is not valid JSON.',
      'error bad.jsonl: Line 3 is not a JSON object.',
      'error bad.jsonl: Line 4 is not valid UTF-8.',
      'error open.csv: Cannot be read: the quote that opens in the record of line 2 is never closed.',
      'error open.csv: Holds no row that can be used.',
      'warning pic.png: Ignored: not a .jsonl, .csv or .txt file.',
    ]);
    expect([status, stats?.rows, stats?.unreadable]).toEqual(['ready', 3, 1]);
  });

  it('should take one text file, and fail it when it holds nothing', async () => {
    const folder = await aFolder({ 'a.jsonl': '{"a":1}', 'b.jsonl': 'nonsense', 'c.bin': 'x' });
    const [good, bad, other] = await Promise.all(
      ['a.jsonl', 'b.jsonl', 'c.bin'].map((name) => create(`${folder}/${name}`, 'fine-tuning')),
    );
    expect([good?.body.status, good?.body.stats?.rows]).toEqual(['ready', 1]);
    expect(bad?.body.status).toBe('failed');
    expect([other?.status, other?.problem.errors?.fieldErrors['path']]).toEqual([
      400,
      ['Must name a folder or a .jsonl, .csv or .txt file.'],
    ]);
  });

  it('should ask for a folder when pictures are to be learned', async () => {
    const folder = await aFolder({ 'a.jsonl': '{"a":1}' });
    const { status, problem } = await create(`${folder}/a.jsonl`);
    expect([status, problem.errors?.fieldErrors['path']?.[0]]).toEqual([
      400,
      expect.stringMatching(/folder of pictures/),
    ]);
  });

  it('should say that nothing is at a path', async () => {
    const { status, problem } = await create('data/datasets/nowhere');
    expect([status, problem.errors?.fieldErrors['path']]).toEqual([
      400,
      ['No folder or file is at data/datasets/nowhere.'],
    ]);
  });

  it.each([
    ['an absolute path', '/etc'],
    ['a path outside of data', 'etc/passwd'],
    ['a step up', 'data/../etc'],
    ['a step up at the end', 'data/datasets/..'],
    ['a full-width look-alike of dots', 'data/\uFF0E\uFF0E/etc'],
    ['a look-alike of a slash', 'data/a\uFF0Fb'],
    ['a one-character ellipsis', 'data/\u2025/etc'],
    ['NUL', 'data/a\0b'],
    ['a line break', 'data/a\nb'],
    ['a backslash', 'data\\a'],
    ['a hidden folder', 'data/.states'],
    ['the data folder itself', 'data/'],
    ['a double slash', 'data//etc'],
    ['a right-to-left mark', 'data/a\u202Eb'],
    ['a lone surrogate', 'data/\uD800'],
    ['a very long name', `data/${'a'.repeat(256)}`],
  ])('should refuse %s', async (_, path) => {
    const { status, problem } = await create(path);
    expect([status, problem.code, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([
      400,
      'validation_failed',
      ['path'],
    ]);
  });

  it.each([
    ['outside', () => tmpdir()],
    ['to a sibling whose name begins like the data folder', () => `${api.dataRoot}-sibling`],
    ['nowhere', () => '/nonexistent/target'],
  ])('should refuse a link that leads %s', async (_, target) => {
    const name = `link-${(folders += 1)}`;
    await mkdir(`${api.dataRoot}-sibling`, { recursive: true });
    await symlink(target(), join(api.dataRoot, name));
    for (const path of [`data/${name}`, `data/${name}/deeper/still`]) {
      const { status, problem } = await create(path);
      expect([status, problem.errors?.fieldErrors['path']]).toEqual([
        400,
        ['Must stay below "data/": a link in it leads outside.'],
      ]);
    }
  });

  it('should store nothing for a refused request', async () => {
    const before = (await api.send('GET /datasets')).headers.get('x-total-count');
    await create('data/../etc');
    expect((await api.send('GET /datasets')).headers.get('x-total-count')).toBe(before);
  });
});

describe('a large dataset', () => {
  const aLargeFolder = async () =>
    aFolder(
      Object.fromEntries(await Promise.all(Array.from({ length: 21 }, async (_, i) => [`${i}.png`, await picture(i)]))),
    );

  it('should be inspected behind the answer', async () => {
    const { status, body } = await create(await aLargeFolder());
    expect([status, body.status, body.stats]).toEqual([201, 'processing', null]);
    await api.app.get(DatasetInspector).idle();
    const after = (await api.send<Dataset>(`GET /datasets/${body.id}`)).body;
    expect([after.status, after.stats?.images]).toEqual(['ready', 21]);
  });

  /** Keeps inspections from ending until the test lets them. */
  const holdInspections = () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const inspections = api.app.get(InspectionsRepository);
    const finish = inspections.finish.bind(inspections);
    const spy = jest.spyOn(inspections, 'finish').mockImplementation(async (claim, result) => {
      await released;
      return finish(claim, result);
    });
    return () => {
      release();
      spy.mockRestore();
    };
  };

  it('should wait as pending while two others run, and be taken up after them', async () => {
    const path = await aLargeFolder();
    const release = holdInspections();
    const answers = await Promise.all(Array.from({ length: 5 }, () => create(path)));
    const statuses = answers.map(({ body }) => body.status).sort();
    expect(statuses).toEqual(['pending', 'pending', 'pending', 'processing', 'processing']);
    release();
    for (const { body } of answers)
      await waitUntil(() => isReady(body.id), { timeoutMs: 20_000, what: 'the inspection' });
  });

  it('should let a status set by hand win over the inspection', async () => {
    const release = holdInspections();
    const { body } = await create(await aLargeFolder());
    await api.send(`PATCH /datasets/${body.id}/status`, { body: { status: 'failed' } });
    release();
    await api.app.get(DatasetInspector).idle();
    const after = (await api.send<Dataset>(`GET /datasets/${body.id}`)).body;
    expect([after.status, after.stats]).toEqual(['failed', null]);
  });
});

const isReady = async (id: string) => (await api.send<Dataset>(`GET /datasets/${id}`)).body.status === 'ready';

describe(DatasetInspector.name, () => {
  const aRow = async (path: string, status: Dataset['status']) =>
    api.app.get(DatasetsRepository).create(TENANT, { kind: 'lora-training', path, meta: {} }, status);
  const age = (id: string) =>
    api.app.get(Database).pool.query("update dataset set updated_at = now() - interval '1 hour' where id = $1", [id]);

  it('should take up what a crash left processing, once it has been silent long enough', async () => {
    const { id } = await aRow(await aFolder({ 'a.png': await picture(1) }), 'processing');
    const inspector = api.app.get(DatasetInspector);
    await inspector.sweep();
    expect((await api.send<Dataset>(`GET /datasets/${id}`)).body.status).toBe('processing');
    await age(id);
    await inspector.sweep();
    await inspector.idle();
    expect((await api.send<Dataset>(`GET /datasets/${id}`)).body.status).toBe('ready');
  });

  it('should fail a dataset whose folder is gone', async () => {
    const { id } = await aRow('data/gone', 'pending');
    await api.app.get(DatasetInspector).sweep();
    await api.app.get(DatasetInspector).idle();
    const { body } = await api.send<Dataset>(`GET /datasets/${id}`);
    expect([body.status, body.problems[0]?.reason]).toEqual(['failed', 'data/gone does not exist any more.']);
  });

  it('should let one of two processes have a dataset', async () => {
    const repository = api.app.get(InspectionsRepository);
    await aRow(await aFolder({}), 'pending');
    const claims = await Promise.all(Array.from({ length: 10 }, () => repository.claimNext(60_000)));
    const [claim, ...others] = claims.filter((row) => row !== undefined);
    expect(others).toEqual([]);
    const inspection = { status: 'failed' as const, stats: (await created({})).stats!, problems: [] };
    await repository.touch(claim!);
    expect(await repository.finish(claim!, inspection)).toBeUndefined();
  });

  it('should leave alone what its tenant sets back to processing after it was measured', async () => {
    const { id } = await created({ 'a.png': await picture(1) });
    await api.send(`PATCH /datasets/${id}/status`, { body: { status: 'processing' } });
    await age(id);
    await api.app.get(DatasetInspector).sweep();
    expect((await api.send<Dataset>(`GET /datasets/${id}`)).body.status).toBe('processing');
  });
});

describe('GET /datasets', () => {
  const tenant = 'tenant_lists';
  const ids: string[] = [];
  beforeAll(async () => {
    const folder = await aFolder({ 'a.png': await picture(1), 'a.jsonl': '{"a":1}' });
    for (const kind of ['lora-training', 'fine-tuning', 'lora-training'] as const) {
      const { body } = await api.send<Dataset>('POST /datasets', { tenant, body: { kind, path: folder } });
      ids.push(body.id);
    }
    await api.send(`PATCH /datasets/${ids[0]}/status`, { tenant, body: { status: 'failed' } });
  });

  it.each([
    ['', [2, 1, 0], 3],
    ['?sortOrder=asc', [0, 1, 2], 3],
    ['?sortBy=updatedAt', [0, 2, 1], 3],
    ['?status=ready', [2, 1], 2],
    ['?kind=lora-training', [2, 0], 2],
    ['?kind=lora-training&status=failed', [0], 1],
    ['?take=1', [2], 3],
    ['?take=1&skip=1&sortBy=createdAt&sortOrder=desc', [1], 3],
    ['?skip=10', [], 3],
  ])('should answer %p with a bare array and the total in a header', async (query, expected, total) => {
    const { status, body, headers } = await api.send<Dataset[]>(`GET /datasets${query}`, { tenant });
    expect([status, headers.get('x-total-count')]).toEqual([200, String(total)]);
    expect(body.map(({ id }) => id)).toEqual(expected.map((index) => ids[index]));
  });

  it.each([
    'take=0',
    'take=101',
    'take=x',
    'skip=-1',
    'skip=1.5',
    'status=done',
    'kind=x',
    'sortBy=name',
    'sortOrder=up',
    'page=1',
  ])('should refuse ?%s and name the parameter', async (query) => {
    const { status, problem } = await api.send(`GET /datasets?${query}`, { tenant });
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, [query.split('=')[0]]]);
  });

  it('should show nothing of other tenants', async () => {
    const { body, headers } = await api.send('GET /datasets', { tenant: 'tenant_without_any' });
    expect([body, headers.get('x-total-count')]).toEqual([[], '0']);
  });

  it('should keep ties in one order over pages', async () => {
    await api.app
      .get(Database)
      .pool.query('update dataset set created_at = $1 where tenant_id = $2', [new Date(0), tenant]);
    const pages = await Promise.all(
      [0, 1, 2].map((skip) => api.send<Dataset[]>(`GET /datasets?take=1&skip=${skip}`, { tenant })),
    );
    expect(new Set(pages.map(({ body }) => body[0]?.id)).size).toBe(3);
  });
});

describe('PATCH /datasets/:id/status', () => {
  let dataset: Dataset;
  beforeEach(async () => {
    dataset = await created({ 'a.png': await picture(1) });
  });

  it.each(['pending', 'processing', 'ready', 'failed'])('should set %s', async (status) => {
    const answer = await api.send<Dataset>(`PATCH /datasets/${dataset.id}/status`, { body: { status } });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...dataset, status, updatedAt: answer.body.updatedAt });
    expect(answer.body.updatedAt > dataset.updatedAt).toBe(true);
  });

  it.each([{ status: 'done' }, {}, { status: 'ready', path: 'data/x' }, { status: null }])(
    'should refuse %j',
    async (body) => {
      const answer = await api.send(`PATCH /datasets/${dataset.id}/status`, { body });
      expect([answer.status, answer.problem.code]).toEqual([400, 'validation_failed']);
    },
  );
});

describe('access to datasets', () => {
  it.each(['POST /datasets', 'GET /datasets', `GET /datasets/${UNKNOWN_ID}`, `PATCH /datasets/${UNKNOWN_ID}/status`])(
    'should answer %s without a tenant with 401',
    async (route) => {
      const { status, problem } = await api.send(route, {
        tenant: null,
        body: route.startsWith('GET') ? undefined : {},
      });
      expect([status, problem.code]).toEqual([401, 'tenant_missing']);
    },
  );

  it.each([
    ['GET', ''],
    ['PATCH', '/status'],
  ])("should answer %s for another tenant's dataset as for an unknown one", async (method, suffix) => {
    const { id } = await created({ 'a.png': await picture(1) });
    const request = { tenant: OTHER_TENANT, body: method === 'PATCH' ? { status: 'failed' } : undefined };
    const foreign = await api.send(`${method} /datasets/${id}${suffix}`, request);
    const unknown = await api.send(`${method} /datasets/${UNKNOWN_ID}${suffix}`, request);
    expect([foreign.status, foreign.problem.message]).toEqual([404, `Dataset ${id} not found`]);
    expect(foreign.text.replaceAll(id, '')).toBe(unknown.text.replaceAll(UNKNOWN_ID, ''));
    expect((await api.send<Dataset>(`GET /datasets/${id}`)).body.status).toBe('ready');
  });

  it.each(['clx4k9j2k0000xyz', '1', '%00', '%F0%9F%98%80', "';drop table job;--"])(
    'should answer an id that is no UUID, %s, in the same way',
    async (id) => {
      const { status, problem } = await api.send(`GET /datasets/${id}`);
      expect([status, problem.code, problem.message]).toEqual([
        404,
        'dataset_not_found',
        `Dataset ${decodeURIComponent(id)} not found`,
      ]);
    },
  );
});
