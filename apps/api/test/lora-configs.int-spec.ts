import { symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type DeletedLoraConfig,
  JOB_STATUSES,
  type JobStatus,
  type LoraConfig,
  LoraConfigSchema,
  type Page,
} from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

const UNKNOWN_ID = '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d';

/** The request that the contract shows. */
const DOCUMENTED = {
  name: 'My Influencer SDXL Balanced',
  description: 'Balanced configuration for SDXL training with 20 epochs',
  modelName: 'stabilityai/stable-diffusion-xl-base-1.0',
  epochs: 20,
  learningRate: 0.0001,
  batchSize: 2,
  resolution: 1024,
  networkDim: 16,
  networkAlpha: 8,
  outputPath: 'data/loras/my-influencer-v1',
  meta: { optimizer: 'AdamW8bit', lrScheduler: 'cosine', minSnrGamma: 5 },
  isDefault: false,
};

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

let tenants = 0;
let tenant = '';
beforeEach(() => {
  tenant = `tenant_${(tenants += 1)}`;
});

const post = (body: unknown) => api.send<LoraConfig>('POST /lora-configs', { tenant, body });
const patch = (id: string, body: unknown) => api.send<LoraConfig>(`PATCH /lora-configs/${id}`, { tenant, body });
const get = (id: string) => api.send<LoraConfig>(`GET /lora-configs/${id}`, { tenant });
const list = (query = '') => api.send<Page<LoraConfig>>(`GET /lora-configs${query}`, { tenant });

async function created(fields: Partial<LoraConfig> = {}): Promise<LoraConfig> {
  const { status, body } = await post({ name: `config ${newId()}`, modelName: 'sd15', ...fields });
  expect(status).toBe(201);
  return body;
}

describe('POST /lora-configs', () => {
  it('should answer the documented request as documented', async () => {
    const { status, body } = await api.send<LoraConfig>('POST /lora-configs', { tenant: TENANT, body: DOCUMENTED });
    const { id, createdAt, updatedAt, ...rest } = body;
    expect([status, rest]).toEqual([201, { tenantId: TENANT, ...DOCUMENTED }]);
    expect([typeof id, new Date(createdAt).toISOString(), updatedAt >= createdAt]).toEqual(['string', createdAt, true]);
    expect(LoraConfigSchema.parse(body)).toEqual(body);
  });

  it('should fill in the documented defaults', async () => {
    expect(await created({ name: 'least' })).toMatchObject({
      name: 'least',
      description: null,
      epochs: 10,
      learningRate: 0.0001,
      batchSize: 1,
      resolution: 512,
      networkDim: 32,
      networkAlpha: 16,
      outputPath: null,
      meta: {},
      isDefault: false,
    });
  });

  it.each([
    ['name', ['x', 'x'.repeat(100)], ['', '   ', 'x'.repeat(101), 1, null]],
    ['description', ['', 'x'.repeat(500), null], ['x'.repeat(501), 1]],
    ['modelName', ['m', 'm'.repeat(255)], ['', 'm'.repeat(256), null]],
    ['epochs', [1, 1000], [0, 1001, 1.5, '10', null, -1]],
    ['learningRate', [0.000001, 1], [0.0000009, 1.01, 0, -1, '0.1', null]],
    ['batchSize', [1, 64], [0, 65, 2.5]],
    ['resolution', [128, 2048], [127, 2049, 512.5]],
    ['networkDim', [1, 512], [0, 513]],
    ['networkAlpha', [1, 512], [0, 513]],
    [
      'outputPath',
      [`data/${'x/'.repeat(125)}`, null],
      [`data/${'x/'.repeat(126)}`, '', '/etc', 'data/../etc', 'data/a\0', 'data/.x', 1],
    ],
    [
      'meta',
      [{}, { a: [1, null, { b: 'c' }] }, { text: 'x'.repeat(16_000) }, nested(20)],
      [[], 'x', null, { text: 'x'.repeat(16_500) }, nested(21)],
    ],
    ['isDefault', [true, false], ['true', 1, null]],
  ] as [string, unknown[], unknown[]][])(
    'should hold the limits of %s and name it when they are broken',
    async (field, good, bad) => {
      const base = { name: 'limits', modelName: 'sd15' };
      for (const value of good) {
        const { status, body } = await post({ ...base, name: newId(), [field]: value });
        expect([field, value, status]).toEqual([field, value, 201]);
        expect(body[field as keyof LoraConfig]).toEqual(value);
      }
      for (const value of bad) {
        const { status, problem } = await post({ ...base, [field]: value });
        expect([status, problem.code, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([
          400,
          'validation_failed',
          [field],
        ]);
      }
      expect((await list('?modelName=sd15')).body.data.map(({ name }) => name)).not.toContain('limits');
    },
  );

  it('should name every field that is wrong at once, also missing and unknown ones', async () => {
    const { status, problem } = await post({ epochs: 0, surprise: 1 });
    expect(status).toBe(400);
    expect(problem).toMatchObject({
      statusCode: 400,
      message: 'Validation failed',
      status: 400,
      code: 'validation_failed',
    });
    expect(Object.keys(problem.errors?.fieldErrors ?? {}).sort()).toEqual(['epochs', 'modelName', 'name', 'surprise']);
    expect(problem.errors?.issues.map(({ pointer }) => pointer).sort()).toEqual([
      '/epochs',
      '/modelName',
      '/name',
      '/surprise',
    ]);
  });

  it('should word the documented example as documented', async () => {
    const { problem } = await post({ name: 'x', modelName: 'sd15', learningRate: 0.0000001 });
    expect(problem.errors?.fieldErrors).toEqual({ learningRate: ['Number must be greater than 0.000001'] });
  });

  it.each(['data/datasets/mine', 'data/datasets', 'data/loras/mine/samples', 'data/loras/mine/samples/'])(
    'should refuse the output path %s, where files of others lie',
    async (outputPath) => {
      const { status, problem } = await post({ name: 'x', modelName: 'sd15', outputPath });
      expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['outputPath']]);
    },
  );

  it('should refuse an output path whose link leads outside', async () => {
    await symlink(tmpdir(), join(api.dataRoot, 'out'));
    const { status, problem } = await post({ name: 'x', modelName: 'sd15', outputPath: 'data/out/x' });
    expect([status, problem.errors?.fieldErrors['outputPath']]).toEqual([
      400,
      ['Must stay below "data/": a link in it leads outside.'],
    ]);
  });

  it('should refuse an output path that is a file, or lies below one', async () => {
    await writeFile(join(api.dataRoot, 'taken'), 'x');
    for (const outputPath of ['data/taken', 'data/taken/', 'data/taken/x']) {
      const { status, problem } = await post({ name: 'x', modelName: 'sd15', outputPath });
      expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, ['outputPath']]);
    }
  });

  it('should refuse a name that is taken, in the documented words', async () => {
    await created({ name: DOCUMENTED.name });
    const { status, problem } = await post(DOCUMENTED);
    expect([status, problem.statusCode, problem.code, problem.message]).toEqual([
      409,
      409,
      'lora_config_name_taken',
      "LoRA config with name 'My Influencer SDXL Balanced' already exists",
    ]);
  });

  it('should let other tenants use the name', async () => {
    await created({ name: 'shared' });
    tenant = `${tenant}_b`;
    expect((await post({ name: 'shared', modelName: 'sd15' })).status).toBe(201);
  });

  it('should create one of 20 of the same name sent together', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post({ name: 'race', modelName: 'sd15' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)]);
  });

  it('should keep one default, whoever sets it', async () => {
    const first = await created({ isDefault: true });
    const second = await created({ isDefault: true });
    expect([(await get(first.id)).body.isDefault, (await get(second.id)).body.isDefault]).toEqual([false, true]);
  });

  it('should let all of 20 defaults sent together succeed, one after the other', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => post({ name: `d${i}`, modelName: 'sd15', isDefault: true })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect((await list('?isDefault=true')).body.total).toBe(1);
  });

  it('should leave the default alone when the name is taken', async () => {
    const first = await created({ name: 'default', isDefault: true });
    expect((await post({ name: 'default', modelName: 'sd15', isDefault: true })).status).toBe(409);
    expect((await get(first.id)).body.isDefault).toBe(true);
  });
});

function nested(depth: number): object {
  return depth === 1 ? {} : { a: nested(depth - 1) };
}

describe('GET /lora-configs', () => {
  it('should answer with a frame, and the frame in headers', async () => {
    const config = await created();
    const { status, body, headers } = await list();
    expect([status, body]).toEqual([200, { data: [config], total: 1, take: 20, skip: 0 }]);
    expect(['X-Total-Count', 'X-Take', 'X-Skip'].map((name) => headers.get(name))).toEqual(['1', '20', '0']);
  });

  it('should filter, sort and page', async () => {
    const b = await created({ name: 'b', modelName: 'org/model' });
    const a = await created({ name: 'a', isDefault: true });
    const c = await created({ name: 'c' });
    await patch(b.id, { epochs: 3 });
    const names = async (query: string) => (await list(query)).body.data.map(({ name }) => name);
    expect(await names('')).toEqual(['c', 'a', 'b']);
    expect(await names('?sortOrder=asc')).toEqual(['b', 'a', 'c']);
    expect(await names('?sortBy=name&sortOrder=asc')).toEqual(['a', 'b', 'c']);
    expect(await names('?sortBy=updatedAt')).toEqual(['b', 'c', 'a']);
    expect(await names('?isDefault=true')).toEqual(['a']);
    expect(await names('?isDefault=false')).toEqual(['c', 'b']);
    expect(await names('?modelName=org/model')).toEqual(['b']);
    const page = await list('?take=2&skip=1');
    expect([page.body.data.map(({ id }) => id), page.body.total, page.body.take, page.body.skip]).toEqual([
      [a.id, b.id],
      3,
      2,
      1,
    ]);
    expect([page.headers.get('x-take'), page.headers.get('x-skip'), c.name]).toEqual(['2', '1', 'c']);
  });

  it('should keep ties in one order over pages', async () => {
    for (const name of ['a', 'b', 'c']) await created({ name });
    await api.app
      .get(Database)
      .pool.query('update lora_config set created_at = $1 where tenant_id = $2', [new Date(0), tenant]);
    const pages = await Promise.all([0, 1, 2].map((skip) => list(`?take=1&skip=${skip}`)));
    expect(new Set(pages.map(({ body }) => body.data[0]?.id)).size).toBe(3);
  });

  it.each(['take=0', 'take=101', 'skip=-1', 'isDefault=1', 'sortBy=epochs', 'sortOrder=x', 'modelName=%00', 'other=1'])(
    'should refuse ?%s and name the parameter',
    async (query) => {
      const { status, problem } = await list(`?${query}`);
      expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, [query.split('=')[0]]]);
    },
  );
});

describe('PATCH /lora-configs/:id', () => {
  it('should change the documented fields and nothing else', async () => {
    const config = await created();
    const { status, body } = await patch(config.id, { epochs: 30, learningRate: 0.00005, isDefault: true });
    expect([status, body]).toEqual([
      200,
      { ...config, epochs: 30, learningRate: 0.00005, isDefault: true, updatedAt: body.updatedAt },
    ]);
    expect(body.updatedAt >= config.updatedAt).toBe(true);
  });

  it('should clear what may be empty', async () => {
    const { id } = await created({ description: 'words', outputPath: 'data/loras/x', meta: { a: 1 } });
    const { body } = await patch(id, { description: null, outputPath: null, meta: {} });
    expect([body.description, body.outputPath, body.meta]).toEqual([null, null, {}]);
  });

  it.each([[{}], [undefined]])('should leave it unchanged for %j', async (change) => {
    const config = await created();
    const { status, body } = await patch(config.id, change);
    expect([status, body]).toEqual([200, config]);
  });

  it('should move the default, and take it away', async () => {
    const first = await created({ isDefault: true });
    const second = await created();
    await patch(second.id, { isDefault: true });
    expect((await get(first.id)).body.isDefault).toBe(false);
    await patch(second.id, { isDefault: false });
    expect((await list('?isDefault=true')).body.total).toBe(0);
  });

  it('should keep one default when many are set together', async () => {
    const configs = await Promise.all(Array.from({ length: 10 }, () => created()));
    const answers = await Promise.all(configs.map(({ id }) => patch(id, { isDefault: true })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await list('?isDefault=true')).body.total).toBe(1);
  });

  it('should refuse a name that is taken, and take its own', async () => {
    await created({ name: 'taken' });
    const { id } = await created({ name: 'mine' });
    expect((await patch(id, { name: 'taken' })).problem.message).toBe("LoRA config with name 'taken' already exists");
    expect((await patch(id, { name: 'mine', epochs: 2 })).status).toBe(200);
  });

  it.each([
    { epochs: 0 },
    { name: null },
    { outputPath: 'data/../x' },
    { meta: nested(21) },
    { id: UNKNOWN_ID },
    { tenantId: 'x' },
  ])('should refuse %j, name the field and change nothing', async (change) => {
    const config = await created();
    const { status, problem } = await patch(config.id, { ...change, batchSize: 9 });
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, Object.keys(change)]);
    expect((await get(config.id)).body).toEqual(config);
  });

  it('should leave jobs their values', async () => {
    const config = await created();
    await aJob(config, 'pending');
    expect((await patch(config.id, { epochs: 99 })).status).toBe(200);
  });
});

describe('DELETE /lora-configs/:id', () => {
  const remove = (id: string) => api.send<DeletedLoraConfig>(`DELETE /lora-configs/${id}`, { tenant });

  it('should delete, without a warning', async () => {
    const { id } = await created();
    const { status, body } = await remove(id);
    expect([status, body]).toEqual([200, { success: true, warnings: [] }]);
    expect([(await get(id)).status, (await remove(id)).status]).toEqual([404, 404]);
  });

  it('should warn in the documented words when it was the default', async () => {
    const { id } = await created({ isDefault: true });
    expect((await remove(id)).body).toEqual({
      success: true,
      warnings: ['Deleted the default LoRA configuration. Consider setting a new default.'],
    });
  });

  it('should refuse while active jobs use it, in the documented words', async () => {
    const config = await created();
    for (const status of JOB_STATUSES) await aJob(config, status);
    const { status, problem } = await remove(config.id);
    expect([status, problem.statusCode, problem.message]).toEqual([
      400,
      400,
      'Cannot delete configuration: 3 active jobs (pending/running) are using it',
    ]);
    expect((await get(config.id)).status).toBe(200);
  });

  it('should delete what only finished jobs used', async () => {
    const config = await created();
    for (const status of ['completed', 'failed', 'cancelled'] as const) await aJob(config, status);
    expect((await remove(config.id)).status).toBe(200);
  });

  it('should wait for a job that is being created with it', async () => {
    const config = await created();
    const { pool } = api.app.get(Database);
    const client = await pool.connect();
    await client.query('begin');
    await client.query('select 1 from lora_config where id = $1 for share', [config.id]);
    const removal = remove(config.id);
    await aJob(config, 'pending');
    await client.query('commit');
    client.release();
    expect((await removal).status).toBe(400);
  });
});

/** A job of the tenant, as far as the configuration is concerned. */
async function aJob(config: LoraConfig, status: JobStatus): Promise<void> {
  const { prisma } = api.app.get(Database);
  const dataset = await prisma.dataset.create({
    data: { tenantId: config.tenantId, kind: 'lora-training', path: 'data/x' },
  });
  const ids = { datasetId: dataset.id, loraConfigId: config.id };
  const common = {
    tenantId: config.tenantId,
    type: 'lora-training',
    trainer: 'tiny',
    payload: {},
    spec: {},
    outputDir: newId(),
  };
  await prisma.job.create({ data: { ...common, ...ids, status } });
}

describe('access to configurations', () => {
  it.each([
    'POST /lora-configs',
    'GET /lora-configs',
    `GET /lora-configs/${UNKNOWN_ID}`,
    `PATCH /lora-configs/${UNKNOWN_ID}`,
    `DELETE /lora-configs/${UNKNOWN_ID}`,
  ])('should answer %s without a tenant with 401', async (route) => {
    const { status, problem } = await api.send(route, { tenant: null });
    expect([status, problem.code]).toEqual([401, 'tenant_missing']);
  });

  it.each(['GET', 'PATCH', 'DELETE'])("should answer %s for another tenant's as for an unknown one", async (method) => {
    const config = await created();
    const request = { tenant: OTHER_TENANT, body: method === 'PATCH' ? { epochs: 5 } : undefined };
    const foreign = await api.send(`${method} /lora-configs/${config.id}`, request);
    const unknown = await api.send(`${method} /lora-configs/${UNKNOWN_ID}`, request);
    expect([foreign.status, foreign.problem.message]).toEqual([404, `LoRA config ${config.id} not found`]);
    expect(foreign.text.replaceAll(config.id, '')).toBe(unknown.text.replaceAll(UNKNOWN_ID, ''));
    expect((await get(config.id)).body).toEqual(config);
  });

  it.each(['GET', 'PATCH', 'DELETE'])('should answer %s for an id that is no UUID in the same way', async (method) => {
    const { status, problem } = await api.send(`${method} /lora-configs/clx4kb3n40000def`, {
      tenant,
      body: method === 'PATCH' ? { epochs: 2 } : undefined,
    });
    expect([status, problem.message]).toEqual([404, 'LoRA config clx4kb3n40000def not found']);
  });

  it('should list nothing of other tenants', async () => {
    await created();
    tenant = 'tenant_without_any';
    expect((await list()).body).toEqual({ data: [], total: 0, take: 20, skip: 0 });
  });
});
