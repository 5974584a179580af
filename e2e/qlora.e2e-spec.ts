import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { examplesOf } from '../scripts/extract-examples.ts';
import { Stack } from './support/stack.js';

const run = promisify(execFile);
const EXAMPLES = examplesOf('docs/dialects.md');

jest.setTimeout(180_000);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ queue: 'postgres', environment: { TRAINER_FALLBACK: 'tiny' } });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Status {
  status: string;
  progress: number;
  current_step: number;
  total_steps: number;
  current_loss: number;
  adapter_path: string;
  error_message: string | null;
}

/** Runs an example of the document as it stands there, but for address and ids. */
async function example<T>(name: string, changes: Record<string, string> = {}): Promise<T> {
  const code = EXAMPLES.get(name)?.code ?? '';
  const all = { 'http://localhost:3001': stack.apiUrl, ...changes };
  const command = Object.entries(all).reduce((text, [from, to]) => text.replaceAll(from, to), code);
  const { stdout } = await run('bash', ['-c', command], { cwd: stack.folder });
  return JSON.parse(stdout) as T;
}

const statusOf = (id: string) => example<Status>('qlora-status', { JOB_ID: id });

/** The status of a job that is over. */
async function finished(id: string): Promise<Status> {
  const isOver = async () => !['pending', 'running'].includes((await statusOf(id)).status);
  await waitUntil(isOver, { timeoutMs: 150_000, what: `job ${id} to end` });
  return statusOf(id);
}

async function send<T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
  const headers = body && { 'content-type': 'application/json' };
  const answer = await fetch(`${stack.apiUrl}/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as T };
}

describe('the workflow of the contract of QLoRA training', () => {
  const name = 'parcel_answers';

  it('should take texts, train on texts, and load what comes of it [001:example-curl]', async () => {
    expect(await example('qlora-upload')).toMatchObject({ dataset_name: 'parcels', num_texts: 1 });
    const { job_id } = await example<{ job_id: string }>('qlora-start');
    const status = await finished(job_id);
    expect(status).toMatchObject({ status: 'completed', progress: 100, error_message: null });
    expect([status.current_step, status.total_steps]).toEqual([160, 160]);
    const list = await example<{ adapters: { name: string; path: string }[] }>('qlora-adapters');
    expect(list.adapters).toMatchObject([
      { name, path: status.adapter_path, is_loaded: false, metrics: { final_loss: status.current_loss } },
    ]);
    expect(await example('qlora-load', { ADAPTER_NAME: name })).toMatchObject({ status: 'loaded' });
    expect(await example('qlora-adapters')).toMatchObject({ current_adapter: name });
  });

  it('should write otherwise with the adapter than without [001:generation]', async () => {
    const { adapters } = stack.client('tenant_demo');
    const write = async (withAdapter: boolean) =>
      (await adapters.generate(name, { prompt: 'The parcel', seed: 7, withAdapter })).text;
    const [plain, changed] = [await write(false), await write(true)];
    expect(changed).toContain('box');
    expect(plain).not.toContain('box');
  });

  it('should be deleted once it is unloaded', async () => {
    const folder = stack.path('data/loras/parcel_answers');
    const weights = `${folder}/${name}-final.safetensors`;
    expect((await send('DELETE', `/adapters/${name}`)).status).toBe(400);
    expect(existsSync(weights)).toBe(true);
    expect(await send('POST', '/adapters/unload')).toMatchObject({ status: 200, body: { adapter_name: name } });
    expect((await send('DELETE', `/adapters/${name}`)).status).toBe(200);
    expect(existsSync(weights)).toBe(false);
    expect((await send('GET', `/adapters/${name}`)).status).toBe(404);
  });

  it('should train a few steps, also on texts that were uploaded before [001:example-python,uploaded-texts,steps]', async () => {
    const start = async (source: object): Promise<string> => {
      const { status, body } = await send<{ job_id: string }>('POST', '/training/start', {
        model_name: 'codellama-7b-instruct',
        ...source,
        lora_config: { r: 4, lora_alpha: 8 },
        training_config: { num_epochs: 1, max_steps: 5 },
      });
      expect(status).toBe(200);
      return body.job_id;
    };
    const jobs = [await start({ train_texts: ['The parcel.'] }), await start({ dataset_name: 'parcels' })];
    for (const id of jobs)
      expect(await finished(id)).toMatchObject({ status: 'completed', current_step: 5, total_steps: 5 });
  });
});
