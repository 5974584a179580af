import { rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Dataset, DatasetShare } from '@influencerai/shared';
import { Storage } from '../src/storage/storage.js';
import { picture, writeFiles } from './dataset-files.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

let folders = 0;
async function register(files: Record<string, string | Buffer>, kind = 'fine-tuning'): Promise<Dataset> {
  const folder = `datasets/mixed-${(folders += 1)}`;
  await writeFiles(join(api.dataRoot, folder), files);
  const answer = await api.send<Dataset>('POST /datasets', { body: { kind, path: `data/${folder}` } });
  expect(answer.status).toBe(201);
  return answer.body;
}

const jsonLines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, row) => `${JSON.stringify({ text: `${name} ${row}` })}\n`).join('');
const csv = (name: string, count: number): string =>
  `prompt, completion\n${Array.from({ length: count }, (_, row) => `"${name}, ""${row}""\n?",yes`).join('\n')}\n`;
const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, row) => `${name} ${row}\r\n\r\n`).join('');

const share = ({ id }: Dataset, percentage: number): DatasetShare => ({ datasetId: id, percentage });
const mix = (body: object, request = {}) => api.send<Dataset>('POST /datasets/mix', { body, ...request });
const contentOf = ({ id }: Dataset) => readFile(join(api.dataRoot, 'datasets/uploads', id, 'rows.jsonl'), 'utf8');
const rowsOf = async (dataset: Dataset) =>
  (await contentOf(dataset))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { text?: string; prompt?: string; completion?: string });

describe('POST /datasets/mix', () => {
  let reasoning: Dataset;
  let coding: Dataset;
  let general: Dataset;
  beforeAll(async () => {
    reasoning = await register({ 'a.jsonl': jsonLines('reasoning', 700), 'b.jsonl': jsonLines('more', 300) });
    coding = await register({ 'rows.csv': csv('coding', 400) });
    general = await register({ 'rows.txt': lines('general', 400) });
  });

  it('should make a dataset of exactly the percentages, and say how many rows each gave', async () => {
    const shares = [share(reasoning, 50), share(coding, 30), share(general, 20)];
    const { status, body } = await mix({ shares, maxRows: 1000, seed: 7, name: 'All', meta: { for: 'tests' } });
    expect([status, body.status, body.kind, body.stats?.rows]).toEqual([201, 'ready', 'fine-tuning', 1000]);
    const counts = [500, 300, 200];
    const rows = shares.map((one, index) => ({ ...one, rows: counts[index] }));
    expect(body.meta).toEqual({ name: 'All', for: 'tests', mix: { seed: 7, rows } });
    const mixed = await rowsOf(body);
    expect(mixed.filter(({ text }) => /^(reasoning|more) \d+$/.test(text ?? '')).length).toBe(500);
    expect(mixed.filter(({ prompt }) => /^coding, "\d+"\n\?$/.test(prompt ?? '')).length).toBe(300);
    expect(mixed.filter(({ text }) => /^general \d+$/.test(text ?? '')).length).toBe(200);
    expect(new Set(mixed.map((row) => JSON.stringify(row))).size).toBe(1000);
    expect(mixed.filter(({ completion }) => completion === 'yes').length).toBe(300);
  });

  it('should draw the same rows with the same seed alone', async () => {
    const draw = async (seed: number) =>
      contentOf((await mix({ shares: [share(reasoning, 60), share(general, 40)], maxRows: 100, seed })).body);
    expect(await draw(1)).toBe(await draw(1));
    expect(await draw(1)).not.toBe(await draw(2));
  });

  it('should be smaller rather than take a row twice', async () => {
    const shares = [share(reasoning, 90), share(coding, 10)];
    const { body } = await mix({ shares, maxRows: 1_000_000 });
    expect(body.stats?.rows).toBe(1111);
  });

  it('should leave out what the inspection found fault with', async () => {
    const faulty = await register({ 'a.jsonl': `${jsonLines('good', 3)}not json\n[1]\n\n`, 'b.csv': 'text\na\nb,c\n' });
    const { body } = await mix({ shares: [share(faulty, 100)], maxRows: 100 });
    expect([faulty.stats?.rows, body.stats?.rows]).toEqual([4, 4]);
  });

  it('should make one dataset of a repeated request', async () => {
    const request = { headers: { 'idempotency-key': 'mix-once' } };
    const body = { shares: [share(reasoning, 100)], maxRows: 5 };
    const ids = [await mix(body, request), await mix(body, request)].map((answer) => answer.body.id);
    expect(ids[0]).toBe(ids[1]);
  });

  it('should refuse shares that cannot be meant, and keep nothing', async () => {
    const pictures = await register({ 'a.png': await picture(1), 'a.txt': 'a' }, 'lora-training');
    const before = await readdir(join(api.dataRoot, 'datasets/uploads'));
    const refusals: [object, number, string][] = [
      [{ shares: [share(reasoning, 50)], maxRows: 5 }, 400, 'Percentages must sum to 100.'],
      [{ shares: [share(coding, 50), share(coding, 50)], maxRows: 5 }, 400, 'Each dataset may stand here once.'],
      [{ shares: [share(coding, -1)], maxRows: 5 }, 400, 'shares.0.percentage'],
      [{ shares: [], maxRows: 5 }, 400, 'shares'],
      [{ shares: [share(coding, 100)], maxRows: 0 }, 400, 'maxRows'],
      [{ shares: [share(coding, 100)], maxRows: 5, seed: -1 }, 400, 'seed'],
      [{ shares: [share(pictures, 100)], maxRows: 5 }, 400, 'Must name a dataset of the kind fine-tuning.'],
      [{ shares: [{ datasetId: 'nope', percentage: 100 }], maxRows: 5 }, 404, 'dataset_not_found'],
      [{ shares: [share(reasoning, 99.99), share(general, 0.01)], maxRows: 1, meta: { '\0': 1 } }, 400, 'meta'],
    ];
    for (const [body, status, text] of refusals) {
      const answer = await mix(body);
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(text)]);
    }
    expect(await readdir(join(api.dataRoot, 'datasets/uploads'))).toEqual(before);
  });

  it.each([1, 2])('should say so when a file is gone before it is read (reading %s of two)', async (time) => {
    const going = await register({ 'a.jsonl': jsonLines('a', 5) });
    const storage = api.app.get(Storage);
    const read = storage.read.bind(storage);
    const reading = jest.spyOn(storage, 'read');
    for (let earlier = 1; earlier < time; earlier += 1) reading.mockImplementationOnce(read);
    reading.mockImplementationOnce((key) => {
      rmSync(join(api.dataRoot, key));
      return read(key);
    });
    const answer = await mix({ shares: [share(going, 100)], maxRows: 5 });
    reading.mockRestore();
    expect([answer.status, answer.problem.code]).toEqual([422, 'dataset_unreadable']);
  });

  it('should not mix datasets of another tenant, nor one that is not ready', async () => {
    const foreign = await mix({ shares: [share(reasoning, 100)], maxRows: 5 }, { tenant: OTHER_TENANT });
    const unknown = await mix(
      { shares: [{ datasetId: reasoning.id, percentage: 100 }], maxRows: 5 },
      { tenant: 'nobody' },
    );
    expect([foreign.status, foreign.text]).toEqual([unknown.status, unknown.text]);
    expect(foreign.status).toBe(404);
    const waiting = await register({ 'a.jsonl': jsonLines('a', 2) });
    await api.send(`PATCH /datasets/${waiting.id}/status`, { tenant: TENANT, body: { status: 'pending' } });
    expect((await mix({ shares: [share(waiting, 100)], maxRows: 5 })).status).toBe(409);
  });
});
