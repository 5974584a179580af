import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AppError, type Dataset, type Usage } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { DatasetInspector } from '../src/datasets/dataset-inspector.js';
import { newId } from '../src/http/new-id.js';
import { TextDatasetsService } from '../src/text-datasets/text-datasets.service.js';
import { aPrincipal } from './a-principal.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

const TEXTS = ['### Instruction:\nAdd.\n\n### Response:\na + b', 'Zwei Zeilen\r\nund "Zeichen" \u2028 ✓'];

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

const create = (body: object, request = {}) => api.send<Dataset>('POST /datasets/texts', { body, ...request });
const fileOf = (id: string, tenant = TENANT) => join(api.folderOf(tenant), 'datasets/uploads', id, 'rows.jsonl');
const usedBytes = async (): Promise<number> => (await api.send<Usage>('GET /usage')).body.storage.usedBytes;

describe('POST /datasets/texts', () => {
  it('should keep every text as a row that it has opened, and count it', async () => {
    const before = await usedBytes();
    const { status, body } = await create({ texts: TEXTS, name: 'Answers', meta: { for: 'tests' } });
    expect([status, body.status, body.kind, body.stats?.rows]).toEqual([201, 'ready', 'fine-tuning', 2]);
    expect(body.meta).toEqual({ name: 'Answers', for: 'tests' });
    const content = await readFile(fileOf(body.id), 'utf8');
    const rows = content.trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row) as unknown)).toEqual(TEXTS.map((text) => ({ text })));
    expect(await usedBytes()).toBe(before + Buffer.byteLength(content));
  });

  it.each([
    [{}, ['texts']],
    [{ texts: 'one' }, ['texts']],
    [{ texts: [] }, ['texts']],
    [{ texts: ['a', 7] }, ['texts.1']],
    [{ texts: [' \n'] }, ['texts.0']],
    [{ texts: ['a\0b'] }, ['texts.0']],
    [{ texts: ['a'], name: '' }, ['name']],
    [{ texts: ['a'], surprise: 1 }, ['surprise']],
  ])('should refuse %j', async (body, fields) => {
    const { status, problem } = await create(body);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, fields]);
  });

  it('should keep nothing where the quota has no room', async () => {
    const { pool } = api.app.get(Database);
    await create({ texts: ['a'] }, { tenant: OTHER_TENANT });
    await pool.query('update tenant set max_storage_bytes = 20 where id = $1', [OTHER_TENANT]);
    const { status } = await create({ texts: ['far more than that'] }, { tenant: OTHER_TENANT });
    expect(status).toBe(429);
    const { rows } = await pool.query('select 1 from dataset where tenant_id = $1', [OTHER_TENANT]);
    expect(rows.length).toBe(1);
  });

  it('should answer a repeated request as it answered the first', async () => {
    const again = () => create({ texts: ['again'] }, { headers: { 'idempotency-key': 'texts' } });
    const [first, second] = [await again(), await again()];
    expect([second.status, second.text]).toEqual([201, first.text]);
  });

  it("should be found by its name, in the tenant's own datasets alone", async () => {
    const { body } = await create({ texts: ['a'], name: 'found' });
    const find = (tenant: string) => api.send<Dataset[]>('GET /datasets?name=found', { tenant });
    expect((await find(TENANT)).body.map(({ id }) => id)).toEqual([body.id]);
    expect((await find(OTHER_TENANT)).body).toEqual([]);
  });
});

describe('a dataset for one piece of work', () => {
  const SOURCE = { texts: TEXTS, meta: {} };
  const countDatasets = async () =>
    (await api.app.get(Database).pool.query('select from dataset where tenant_id = $1', [TENANT])).rowCount;

  it('should be gone again with file and room when the work fails', async () => {
    const before = await usedBytes();
    const lent: Dataset[] = [];
    const work = (dataset: Dataset) => {
      lent.push(dataset);
      return Promise.reject(new Error('refused'));
    };
    const texts = api.app.get(TextDatasetsService);
    await expect(texts.use(aPrincipal(), { id: newId(), source: SOURCE }, work)).rejects.toThrow('refused');
    expect(lent.map(({ status }) => status)).toEqual(['ready']);
    expect((await api.send(`GET /datasets/${lent[0]?.id}`)).status).toBe(404);
    expect(existsSync(fileOf(lent[0]?.id ?? ''))).toBe(false);
    expect(await usedBytes()).toBe(before);
    const { rows } = await api.app.get(Database).pool.query('select 1 from upload');
    expect(rows).toEqual([]);
  });

  it('should be the same one when the work is begun again after a death', async () => {
    const texts = api.app.get(TextDatasetsService);
    const use = { id: newId(), source: SOURCE };
    const first = await new Promise<Dataset>((lend) => {
      void texts.use(aPrincipal(), use, (dataset) => {
        lend(dataset);
        return new Promise(() => undefined);
      });
    });
    const [before, usedBefore] = [await countDatasets(), await usedBytes()];
    const second = await texts.use(aPrincipal(), use, (dataset) => Promise.resolve(dataset));
    expect(second).toEqual(first);
    expect(existsSync(fileOf(first.id))).toBe(true);
    expect([await countDatasets(), await usedBytes()]).toEqual([before, usedBefore]);
  });

  it('should leave nothing when the service ends after the row was written', async () => {
    const [before, usedBefore] = [await countDatasets(), await usedBytes()];
    const inspect = jest.spyOn(api.app.get(DatasetInspector), 'inspect');
    inspect.mockRejectedValueOnce(new AppError('service_unavailable'));
    const use = { id: newId(), source: SOURCE };
    const work = jest.fn<() => Promise<void>>();
    await expect(api.app.get(TextDatasetsService).use(aPrincipal(), use, work)).rejects.toThrow(AppError);
    inspect.mockRestore();
    expect(work).not.toHaveBeenCalled();
    expect([await countDatasets(), await usedBytes()]).toEqual([before, usedBefore]);
  });
});
