import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { examplesOf } from '../scripts/extract-examples.ts';
import { Stack } from './support/stack.js';

const run = promisify(execFile);
const EXAMPLES = examplesOf('docs/dialects.md');

jest.setTimeout(300_000);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ queue: 'postgres', slots: 2, environment: { TRAINER_FALLBACK: 'tiny' } });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Runs an example of the document as it stands there, but for address and ids. */
async function example<T>(name: string, changes: Record<string, string> = {}): Promise<T> {
  const code = EXAMPLES.get(name)?.code ?? '';
  const all = { 'http://localhost:3001': stack.apiUrl, ...changes };
  const command = Object.entries(all).reduce((text, [from, to]) => text.replaceAll(from, to), code);
  const { stdout } = await run('bash', ['-c', command], { cwd: stack.folder });
  return JSON.parse(stdout) as T;
}

interface Status {
  id: number;
  status: string;
  progress: number;
  current_loss: number | null;
  error_message: string | null;
}

const FILES = {
  'data.csv': 'input,output\n' + '"2 + 2, in words",four\n3 + 3,six\n'.repeat(8),
  'data.json': JSON.stringify(
    Array.from({ length: 16 }, (_, at) => ({ input: `${at} + 1`, output: String(at + 1) })),
    null,
    2,
  ),
};

describe('the workflow of the contract of the training manager', () => {
  it.each(Object.entries(FILES))('should train on %s [003:workflow]', async (name, content) => {
    await writeFile(join(stack.folder, name), content);
    const dataset = await example<{ id: number; row_count: number; columns: string }>('manager-upload', {
      'data.csv': name,
    });
    expect([dataset.row_count, dataset.columns]).toEqual([16, '["input", "output"]']);
    const { id } = await example<{ id: number }>('manager-job', { '"dataset_id": 1': `"dataset_id": ${dataset.id}` });
    const look = () => example<Status>('manager-status', { '/jobs/1/': `/jobs/${id}/` });
    await waitUntil(async () => ['completed', 'failed'].includes((await look()).status), {
      timeoutMs: 240_000,
      what: `job ${id} to end`,
    });
    expect(await look()).toMatchObject({ id, status: 'completed', progress: 100, error_message: null });
    expect((await look()).current_loss).toBeGreaterThan(0);
  });

  it('should change the configuration [003:workflow]', async () => {
    const config = await example<Record<string, unknown>>('manager-config');
    expect(config).toMatchObject({ default_batch_size: 8, max_concurrent_workers: 8, active_workers: 1 });
  });
});
