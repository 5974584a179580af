import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestDatabase, startStack, type Stack, waitUntil } from '@influencerai/local';
import { InfluencerAIClient } from '@influencerai/sdk';
import pg from 'pg';
import { examplesOf } from '../scripts/extract-examples.ts';
import { submitQuickJob, stepOf, waitForJob } from './support/training.js';

const run = promisify(execFile);
const EXAMPLES = examplesOf('docs/dialects.md');

jest.setTimeout(300_000);

interface Project {
  id: number;
  status: string;
  progress: number;
  job_id: number;
  traits: { datasets: { dataset_id: number; rows: number }[] }[];
}
interface Pool {
  total_workers: number;
  active_workers: number;
  workers: { id: string; status: string; current_job_id: number | null }[];
}

/** What `bin/dev` runs: an API, and a supervisor that starts workers on its word. */
let stack: Stack;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let folder: string;
let client: InfluencerAIClient;
const output: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'influencerai-e2e-'));
  database = await createTestDatabase();
  stack = await startStack({
    folder,
    dataRoot: path.join(folder, 'data'),
    env: {
      PATH: process.env['PATH'],
      NVIDIA_SMI: 'no-such-program',
      DATABASE_URL: database.url,
      HF_HOME: folder,
      WORKER_SLOTS: '1',
      SWEEP_MS: '500',
      CLAIM_POLL_MS: '500',
    },
    onLine: (service, line) => output.push(`${service}: ${line}`),
    signal: new AbortController().signal,
    hasWorkerPool: true,
  });
  client = new InfluencerAIClient({ baseUrl: stack.apiUrl, tenantId: 'tenant_demo' });
  for (const name of ['reasoning', 'coding', 'tools']) await register(name, 1000);
});
afterAll(async () => {
  await stack.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function register(name: string, rows: number): Promise<void> {
  const texts = path.join(folder, 'data/texts', name);
  await mkdir(texts, { recursive: true });
  const lines = Array.from({ length: rows }, (_, row) => JSON.stringify({ text: `${name} number ${row}.` }));
  await writeFile(path.join(texts, 'rows.jsonl'), lines.join('\n'));
  await client.datasets.create({ kind: 'fine-tuning', path: `data/texts/${name}` });
}

/** Runs an example of the document as it stands there, but for the address. */
async function example<T>(name: string, change = (text: string) => text): Promise<T> {
  const code = change(EXAMPLES.get(name)?.code ?? '').replaceAll('http://localhost:3001', stack.apiUrl);
  const { stdout } = await run('bash', ['-c', code]);
  return JSON.parse(stdout) as T;
}

const get = async <T>(route: string): Promise<T> =>
  (await fetch(`${stack.apiUrl}/api/v1${route}`)).json() as Promise<T>;
const order = (action: string) =>
  example<Pool>('manager-workers-start', (text) => text.replace(/-d '.*'/, `-d '{"action": "${action}"}'`));
const pool = () => get<Pool>('/workers/');
const online = (count: number) =>
  waitUntil(async () => (await pool()).active_workers === count, { timeoutMs: 60_000, what: `${count} workers` });

async function pidOf(worker: string): Promise<number> {
  const connection = new pg.Client({ connectionString: database.url });
  await connection.connect();
  try {
    const { rows } = await connection.query<{ pid: number }>('select pid from worker where id = $1', [worker]);
    return rows[0]!.pid;
  } finally {
    await connection.end();
  }
}

describe('projects and workers of contract 003', () => {
  it('should train three traits at 50, 30 and 20 %, and find the result good [003:workflow,project-shares,endpoint-projects-validate]', async () => {
    await client.trainingDefaults.update({ epochs: 1, batchSize: 32 });
    const created = await example<Project>('manager-project');
    expect(created).toMatchObject({ id: 1, status: 'pending' });
    const started = await example<Project>('manager-project-start');
    expect(started.traits.map(({ datasets }) => datasets.map(({ rows }) => rows))).toEqual([[500], [300], [200]]);
    const ended = async () => ['completed', 'failed'].includes((await get<Project>('/projects/1')).status);
    await waitUntil(ended, { timeoutMs: 240_000, what: 'the project to end' });
    expect(await get<Project>('/projects/1')).toMatchObject({ status: 'completed', progress: 100 });
    const job = (await client.jobs.list()).data.find(({ number }) => number === started.job_id);
    const { spec } = await client.jobs.manifest(job!.id);
    expect(spec.dataset.examples).toBe(1000);
    const found = await example<{ valid: boolean; files: { files_checked: string[] } }>('manager-project-validate');
    expect(found).toMatchObject({ valid: true, loading: { valid: true, errors: [] }, errors: [] });
    expect(found.files.files_checked).toEqual(expect.arrayContaining([expect.stringMatching(/\.safetensors$/)]));
  });

  it('should start and stop workers while a job runs, which loses nothing [003:endpoint-workers-control,worker-stop,worker-restart]', async () => {
    await online(1);
    const source = path.join(import.meta.dirname, '../data/datasets/my-influencer');
    await run('cp', ['-r', source, path.join(folder, 'data/pictures')]);
    const steps = 150;
    const { id } = await submitQuickJob(client, { steps, stepDelayMs: 40, path: 'data/pictures' });
    await waitForJob(client, id, (job) => stepOf(job) > 5);
    expect(await example<Pool>('manager-workers-start')).toMatchObject({ total_workers: 2 });
    await online(2);
    await order('stop');
    await waitForJob(client, id, ({ status }) => status === 'pending');
    await online(0);
    await example<Pool>('manager-workers-start');
    const resumed = await waitForJob(client, id, (job) => job.attempt === 2 && stepOf(job) > 0);
    expect(resumed.status).toBe('running');
    await order('restart');
    const done = await waitForJob(client, id, ({ status }) => status === 'completed', 120_000);
    expect(done).toMatchObject({ attempt: 3, result: { steps } });
    const { data: curve } = await client.jobs.metrics(id, { maxPoints: 5000 });
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
  });

  it('should start a worker again that crashed', async () => {
    await online(1);
    const { data } = await client.workers.list();
    const id = data.find(({ status }) => status === 'online')!.id;
    const pid = await pidOf(id);
    process.kill(pid, 'SIGKILL');
    const isBack = async () => (await pidOf(id)) !== pid;
    await waitUntil(isBack, { timeoutMs: 60_000, what: 'the worker to be back' });
    expect(output.join('\n')).toMatch(/started again in 1 s/);
  });
});
