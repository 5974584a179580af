import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { QueryAnswer } from '@influencerai/sdk';
import { examplesOf } from '../scripts/extract-examples.ts';
import { Stack } from './support/stack.js';

const run = promisify(execFile);

jest.setTimeout(120_000);

const ROWS = ['To reset your password, open the settings.', 'Invoices are sent each month.', 'Cats sleep all day.'];

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({
    queue: 'postgres',
    prepare: async (folder) => {
      await mkdir(join(folder, 'data/faq'), { recursive: true });
      await writeFile(join(folder, 'data/faq/rows.txt'), ROWS.join('\n'));
    },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

describe('an index from a dataset', () => {
  it('should be made and queried as docs/retrieval.md says', async () => {
    const { code } = examplesOf('docs/retrieval.md').get('retrieval')!;
    const env = { ...process.env, API_URL: stack.apiUrl };
    const { stdout } = await run('bash', ['-euc', code], { cwd: stack.folder, env });
    const { mode, data } = JSON.parse(stdout) as QueryAnswer;
    expect(mode).toBe('text');
    expect(data[0]).toEqual({ row: 1, text: ROWS[0], score: expect.any(Number) });
  });

  it('should be made for the type rag of the training manager [003:workflow]', async () => {
    const api = async <T>(path: string, init?: RequestInit): Promise<T> =>
      (await (await fetch(`${stack.apiUrl}/api/v1${path}`, init)).json()) as T;
    const form = new FormData();
    form.set('file', new Blob([ROWS.map((text) => JSON.stringify({ text })).join('\n')]), 'rows.jsonl');
    form.set('name', 'questions');
    const { id: dataset_id } = await api<{ id: number }>('/datasets/', { method: 'POST', body: form });
    const post = <T>(path: string, body: object) =>
      api<T>(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const { id } = await post<{ id: number }>('/jobs/', { name: 'faq', dataset_id, training_type: 'rag' });
    const look = () => api<{ status: string; training_type: string; progress: number }>(`/jobs/${id}`);
    await waitUntil(async () => (await look()).status === 'completed', { timeoutMs: 60_000, what: `job ${id} to end` });
    expect(await look()).toMatchObject({ training_type: 'rag', progress: 100, current_loss: null });
    const { items } = await post<{ items: object[] }>(`/jobs/${id}/query`, { query: 'sleepy cats' });
    expect(items).toEqual([{ row: 3, text: ROWS[2], score: expect.any(Number) }]);
  });
});
