import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { InfluencerAIClient, Job } from '@influencerai/sdk';
import { decodeSafetensors } from '@influencerai/tiny';
import { S3Server, WHY_NO_S3 } from '../apps/api/test/s3-server.js';
import { Stack } from './support/stack.js';
import { waitForJob } from './support/training.js';

jest.setTimeout(180_000);

const run = promisify(execFile);

if (WHY_NO_S3) process.stderr.write(`Training out of and into a bucket is left out: ${WHY_NO_S3}\n`);

/** Neither the API nor the worker has a folder with data; all that stays is in the bucket. */
(WHY_NO_S3 ? describe.skip : describe)('from a bucket to a LoRA in it', () => {
  let server: S3Server;
  let nowhere: string;
  let stack: Stack;
  let client: InfluencerAIClient;
  let job: Job;
  beforeAll(async () => {
    server = await S3Server.start();
    nowhere = await mkdtemp(join(tmpdir(), 'no-data-'));
    stack = await Stack.start({
      queue: 'postgres',
      environment: { ...server.env, DATA_ROOT: nowhere } as Record<string, string>,
    });
    client = stack.client('tenant_bucket');
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await server.close();
    await rm(nowhere, { recursive: true });
  });

  it('should train on what was uploaded straight to the bucket', async () => {
    await run('tar', ['czf', stack.path('set.tar.gz'), '-C', stack.path('data/datasets'), 'my-influencer']);
    const dataset = await client.datasets.uploadDirect(
      { name: 'set.tar.gz', body: await openAsBlob(stack.path('set.tar.gz')) },
      { kind: 'lora-training', meta: { triggerWord: 'ohwx' } },
    );
    expect(dataset).toMatchObject({ status: 'ready', stats: { images: 25, captions: 25 } });
    const config = await client.loraConfigs.create({
      name: 'bucket',
      modelName: 'tiny-image',
      batchSize: 2,
      networkDim: 8,
      networkAlpha: 8,
      epochs: 2,
      meta: { samplePrompts: ['ohwx person'] },
    });
    const { id } = await client.jobs.create({
      type: 'lora-training',
      payload: { datasetId: dataset.id, loraConfigId: config.id },
    });
    job = await waitForJob(client, id, ({ status }) => ['completed', 'failed'].includes(status), 120_000);
    expect([job.status, job.result]).toEqual(['completed', expect.objectContaining({ trainer: 'tiny' })]);
    expect(await readdir(nowhere)).toEqual([]);
  });

  it('should hand out everything that came of it by links of the bucket', async () => {
    const { data } = await client.jobs.artifacts(job.id);
    expect(new Set(data.map(({ kind }) => kind))).toEqual(new Set(['lora', 'checkpoint', 'sample', 'loss-curve']));
    for (const { name, sha256 } of data) {
      const { url } = await client.jobs.artifactLink(job.id, name);
      const content = Buffer.from(await (await fetch(url)).arrayBuffer());
      const found = createHash('sha256').update(content).digest('hex');
      expect([name, new URL(url).origin, found]).toEqual([name, server.settings.endpoint, sha256]);
    }
  });

  it('should have made weights that can be opened', async () => {
    const { data } = await client.jobs.artifacts(job.id, { kind: 'lora' });
    const { url } = await client.jobs.artifactLink(job.id, data[0]?.name ?? '');
    const { metadata, tensors } = decodeSafetensors(Buffer.from(await (await fetch(url)).arrayBuffer()));
    expect(metadata).toMatchObject({ ss_network_dim: '8', ss_network_alpha: '8' });
    expect(Object.keys(tensors).some((name) => name.endsWith('lora_down.weight'))).toBe(true);
  });
});
