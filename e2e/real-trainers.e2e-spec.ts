import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { InfluencerAIClient, Job, JobProgress } from '@influencerai/sdk';
import { type HousedTrainer, housedTrainers, missingTrainers } from './support/real-trainers.js';
import { Stack } from './support/stack.js';
import { trainerRecords } from './support/trainer-records.js';
import { cachedContents } from './support/dataset-cache.js';
import { waitForJob } from './support/training.js';

/** Without a step. Importing a real trainer takes longest, on a busy machine minutes. */
const QUIET_MS = 600_000;

// How long a training may take is not the question here.
jest.setTimeout(3_600_000);

for (const reason of missingTrainers) it.skip(reason, () => undefined);

const check = (housed: HousedTrainer) => () => {
  const { real, home } = housed;
  let stack: Stack;
  let client: InfluencerAIClient;
  let unbroken: Job;

  beforeAll(async () => {
    stack = await Stack.start({
      queue: 'postgres',
      environment: (root) => ({
        ...home.environment,
        MODELS_FILE: path.join(root, 'models.yaml'),
        DATASET_ACCESS: 'fetch',
        KEEP_WORKSPACES: '1',
      }),
      prepare: async (root) => {
        await writeFile(
          path.join(root, 'models.yaml'),
          JSON.stringify({ models: { [real.modelName]: await real.prepare(root, home) } }),
        );
      },
    });
    client = stack.client('tenant_demo');
    unbroken = await submit('unbroken');
    unbroken = await waitForJob(client, unbroken.id, isOver, QUIET_MS);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('should train a job to weights that say where they come from', async () => {
    expect(unbroken).toMatchObject({
      status: 'completed',
      attempt: 1,
      result: { trainer: real.id, steps: real.steps },
    });
    expect(await home.runsOf(unbroken.id)).toEqual([]);
    const { data } = await client.jobs.artifacts(unbroken.id);
    const kinds = new Set(data.map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['lora', 'checkpoint', 'sample', 'loss-curve']));
    const { path: loraPath } = data.find(({ kind }) => kind === 'lora')!;
    const header = await readHeader(stack.path(loraPath));
    expect(header.__metadata__).toMatchObject({
      job_id: unbroken.id,
      trainer: real.id,
      base_model: real.modelName,
      spec_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      dataset_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(Object.keys(header).some((name) => real.weightName.test(name))).toBe(true);
  });

  it('should leave the files that were fetched for it as they came', async () => {
    const { data } = await client.jobs.dataset(unbroken.id);
    expect(await cachedContents(stack.path('worker-0/cache/datasets'))).toEqual(
      new Map(data.map(({ sha256 }) => [sha256, sha256])),
    );
  });

  it('should report every step once, with its loss and learning rate', async () => {
    const { data, total } = await client.jobs.metrics(unbroken.id, { maxPoints: 5000 });
    expect(total).toBe(real.steps);
    expect(data.map(({ step }) => step)).toEqual(Array.from({ length: real.steps }, (_, index) => index + 1));
    expect(data.every(({ loss, learningRate }) => loss > 0 && learningRate !== null)).toBe(true);
    const rates = data.map(({ learningRate }) => learningRate!);
    // A cosine falls all the way; it does not begin again.
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
  });

  it("should report the losses that stand in the trainer's own record", async () => {
    const { read, expected } = trainerRecords[real.id];
    const { data } = await client.jobs.metrics(unbroken.id, { maxPoints: 5000 });
    const losses = data.map(({ loss }) => loss);
    const workspace = stack.path(`worker-0/kept/${unbroken.id}/attempt-1`);
    await waitUntil(() => existsSync(workspace), { timeoutMs: 30_000, what: 'the workspace to be put aside' });
    const recorded = await read({ workspace, log: (await logOf(unbroken.id)).split('\n') });
    expect(recorded.length).toBeGreaterThanOrEqual(real.steps / 2);
    expect(recorded.filter(({ step, loss }) => !expected(losses, step).includes(loss))).toEqual([]);
  });

  it('should go on where a killed worker stopped, on the same schedule', async () => {
    const job = await submit('killed');
    const third = Math.ceil(real.steps / 3);
    const seen: number[] = [];
    await waitForJob(client, job.id, (now) => stepOf(now) >= third || isOver(now), QUIET_MS);
    await stack.workers[0]!.stop('SIGKILL');
    await stack.workers[0]!.start();
    const look = (now: Job): boolean => isOver(now) || seen.push(stepOf(now)) === 0;
    const ended = await waitForJob(client, job.id, look, QUIET_MS);
    expect(seen[0]).toBeGreaterThanOrEqual(third);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(ended).toMatchObject({ status: 'completed', attempt: 2, result: { steps: real.steps } });
    const curve = await client.jobs.metrics(job.id, { maxPoints: 5000 });
    const whole = await client.jobs.metrics(unbroken.id, { maxPoints: 5000 });
    const rates = new Map(whole.data.map(({ step, learningRate }) => [step, learningRate!]));
    expect(curve.total).toBe(real.steps);
    for (const { step, learningRate } of curve.data) expect(learningRate).toBeCloseTo(rates.get(step)!, 9);
    await waitUntil(async () => (await logOf(job.id)).includes('Going on from the state of step'), {
      timeoutMs: 10_000,
      what: 'the log to say so',
    });
  });

  it('should leave nothing running of a job that is cancelled', async () => {
    const job = await submit('cancelled');
    await waitForJob(client, job.id, (now) => stepOf(now) >= 1 || isOver(now), QUIET_MS);
    expect(await home.runsOf(job.id)).not.toEqual([]);
    await client.jobs.cancel(job.id);
    expect(await waitForJob(client, job.id, isOver, QUIET_MS)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(await home.runsOf(job.id)).toEqual([]);
  });

  const submit = async (name: string): Promise<Job> => {
    const dataset = await client.datasets.create(real.dataset);
    const config = await client.loraConfigs.create({
      ...real.config,
      name: `${real.id} ${name}`,
      modelName: real.modelName,
    });
    return client.jobs.create({ type: 'lora-training', payload: { datasetId: dataset.id, loraConfigId: config.id } });
  };

  const logOf = async (id: string): Promise<string> =>
    (await client.jobs.logs(id, { limit: 1000 })).data.map(({ text }) => text).join('\n');
};

// Not `describe.each`, which fails where none is installed.
for (const housed of housedTrainers) {
  const { real, home } = housed;
  describe(`the real ${real.id} ${home.name}, through API, queue and worker`, check(housed));
}

const isOver = ({ status }: Job): boolean => ['completed', 'failed', 'cancelled'].includes(status);

const stepOf = ({ result }: Job): number => (result?.['progress'] as JobProgress | undefined)?.currentStep ?? 0;

type Header = Record<string, unknown> & { __metadata__: Record<string, string> };

/** The JSON before the tensors, of any dtype. */
async function readHeader(file: string): Promise<Header> {
  const bytes = await readFile(file);
  const length = Number(bytes.readBigUInt64LE());
  return JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Header;
}
