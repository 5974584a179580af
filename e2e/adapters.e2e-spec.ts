import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Adapter, InfluencerAIClient } from '@influencerai/sdk';
import { Stack } from './support/stack.js';

jest.setTimeout(180_000);

const ROWS = ['Question: Where does the parcel go? Answer: Back into its box.', 'The parcel goes back into its box.'];

/** From two texts to an adapter that answers otherwise than its base, and away again. */
describe('an adapter', () => {
  let stack: Stack;
  let client: InfluencerAIClient;
  let adapter: Adapter;
  beforeAll(async () => {
    stack = await Stack.start({
      queue: 'postgres',
      prepare: async (folder) => {
        await mkdir(`${folder}/data/datasets/answers`, { recursive: true });
        await writeFile(
          `${folder}/data/datasets/answers/rows.jsonl`,
          ROWS.map((text) => JSON.stringify({ text })).join('\n'),
        );
      },
    });
    client = stack.client('tenant_demo');
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const generate = async (withAdapter: boolean) =>
    (await client.adapters.generate(adapter.name, { prompt: 'The parcel', seed: 7, withAdapter })).text;

  it('should come of a text job', async () => {
    const dataset = await client.datasets.create({ kind: 'fine-tuning', path: 'data/datasets/answers' });
    const config = await client.loraConfigs.create({
      name: 'Answers',
      modelName: 'tiny-text',
      epochs: 40,
      networkDim: 16,
      networkAlpha: 16,
      meta: { samplePrompts: [] },
    });
    const job = await client.jobs.create({
      type: 'lora-training',
      payload: { datasetId: dataset.id, loraConfigId: config.id },
    });
    const done = await client.jobs.waitForCompletion(job.id, { pollInterval: 200 });
    const page = await client.adapters.list();
    expect(page.data).toMatchObject([
      {
        jobId: job.id,
        name: 'answers',
        kind: 'text',
        trainer: 'tiny',
        path: done.result?.loraPath,
        status: 'unloaded',
      },
    ]);
    adapter = page.data[0]!;
    expect(adapter.metrics.finalLoss).toBe(done.result?.finalLoss);
    const weights = await (await client.adapters.download(adapter.name)).arrayBuffer();
    expect(weights.byteLength).toBe(adapter.sizeBytes);
  });

  it('should change what the model writes once it is loaded, also after the API died', async () => {
    expect((await client.adapters.load(adapter.name)).status).toBe('loaded');
    await stack.api.stop('SIGKILL');
    await stack.api.start();
    const [plain, changed] = [await generate(false), await generate(true)];
    expect(changed).toContain('box');
    expect(plain).not.toContain('box');
    expect(await generate(true)).toBe(changed);
  });

  it('should be deleted once it is unloaded', async () => {
    const { name, jobId, path } = adapter;
    await expect(client.adapters.delete(name)).rejects.toMatchObject({ status: 409, code: 'adapter_in_use' });
    expect((await client.adapters.unload(name)).status).toBe('unloaded');
    await expect(generate(true)).rejects.toMatchObject({ status: 409, code: 'adapter_not_loaded' });
    expect(existsSync(stack.path(path))).toBe(true);
    await client.adapters.delete(name);
    expect(existsSync(stack.path(path))).toBe(false);
    await expect(client.adapters.get(name)).rejects.toMatchObject({ status: 404 });
    expect((await client.jobs.artifacts(jobId, { kind: 'lora' })).data).toEqual([]);
    expect((await client.jobs.get(jobId)).status).toBe('completed');
  });
});
