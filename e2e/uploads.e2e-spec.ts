import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Dataset } from '@influencerai/sdk';
import { examplesOf } from '../scripts/extract-examples.ts';
import { Stack } from './support/stack.js';

jest.setTimeout(120_000);

const run = promisify(execFile);

describe('docs/uploads.md', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres' });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const session = async (name: string, variables: NodeJS.ProcessEnv = {}): Promise<Dataset> => {
    const { code } = examplesOf('docs/uploads.md').get(name) ?? { code: `docs/uploads.md has no example ${name}` };
    const { stdout } = await run('bash', ['-e', '-c', code], {
      cwd: stack.folder,
      env: { ...process.env, API_URL: stack.apiUrl, ...variables },
    });
    return JSON.parse(stdout) as Dataset;
  };

  it('should upload files with curl', async () => {
    const dataset = await session('uploads-files');
    expect(dataset).toMatchObject({ status: 'ready', meta: { name: 'Portraits', triggerWord: 'ohwx' } });
    expect(dataset.stats).toMatchObject({ images: 1, captions: 1 });
  });

  it.each(['uploads-archive', 'uploads-resumable'])('should upload an archive with curl: %s', async (name) => {
    const dataset = await session(name);
    expect([dataset.status, dataset.stats?.images, dataset.stats?.captions]).toEqual(['ready', 25, 25]);
    expect(dataset.upload?.skipped.map(({ name }) => name).sort()).toEqual([
      'my-influencer/LICENSE',
      'my-influencer/README.md',
    ]);
  });

  it('should mix datasets with curl', async () => {
    const rows = (name: string) =>
      new Blob([Array.from({ length: 100 }, (_, row) => `{"text":"${name} ${row}"}\n`).join('')]);
    const upload = (name: string) =>
      stack.client('tenant_demo').datasets.upload({ name: 'rows.jsonl', body: rows(name) }, { kind: 'fine-tuning' });
    const [first, second] = [await upload('first'), await upload('second')];
    const dataset = await session('uploads-mix', { FIRST: first.id, SECOND: second.id });
    expect([dataset.status, dataset.stats?.rows]).toEqual(['ready', 142]);
    const shares = [
      { datasetId: first.id, percentage: 70, rows: 99 },
      { datasetId: second.id, percentage: 30, rows: 43 },
    ];
    expect(dataset.meta).toEqual({ mix: { seed: 7, rows: shares } });
  });
});
