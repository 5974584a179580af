import { InfluencerAIClient } from '@influencerai/sdk';

export const TENANT = 'tenant_bench';

export const clientOf = (apiUrl: string): InfluencerAIClient =>
  new InfluencerAIClient({ baseUrl: apiUrl, tenantId: TENANT });

/** Submits as many jobs; their configuration trains a single step. */
export async function submitJobs(client: InfluencerAIClient, count: number): Promise<string[]> {
  const submit = await jobSubmitter(client);
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push(await submit());
  return ids;
}

/** Registers what a job needs; each call of what it returns submits one. */
export async function jobSubmitter(client: InfluencerAIClient): Promise<() => Promise<string>> {
  const dataset = await client.datasets.create({ kind: 'lora-training', path: 'data/datasets/my-influencer' });
  const config = await client.loraConfigs.create({
    name: `bench ${Date.now()}`,
    modelName: 'tiny-image',
    networkDim: 4,
    networkAlpha: 4,
    meta: { maxSteps: 1, samplePrompts: [] },
  });
  const payload = { datasetId: dataset.id, loraConfigId: config.id };
  return async () => (await client.jobs.create({ type: 'lora-training', payload })).id;
}
