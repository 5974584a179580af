import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, type Dataset, type InfluencerAIClient, type LoraConfig } from '@influencerai/sdk';
import { SetupError } from './setup-error.js';

const CONFIG_NAME = 'Demo';

/** The dataset of that folder, registered anew: what its check finds is part of what the demo shows. */
export const ensureDataset = async (
  client: InfluencerAIClient,
  path: string,
  signal: AbortSignal,
): Promise<Dataset> => {
  let dataset = await client.datasets.create(
    { kind: 'lora-training', path, meta: { triggerWord: 'ohwx' } },
    { signal },
  );
  while (dataset.status === 'pending' || dataset.status === 'processing') {
    await sleep(200, undefined, { signal });
    dataset = await client.datasets.get(dataset.id, { signal });
  }
  if (dataset.status === 'ready') return dataset;
  const problem = dataset.problems[0];
  throw new SetupError(`The dataset ${path} is not usable: ${problem?.file} ${problem?.reason}`);
};

/** Creates the demo's configuration, or finds the one of an earlier run by its name. */
export const ensureConfig = async (client: InfluencerAIClient): Promise<LoraConfig> => {
  try {
    return await client.loraConfigs.create({
      name: CONFIG_NAME,
      modelName: 'tiny',
      epochs: 30,
      batchSize: 2,
      networkDim: 32,
      networkAlpha: 32,
      meta: { lrScheduler: 'cosine' },
    });
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    for await (const config of client.loraConfigs.list({ take: 100 })) {
      if (config.name === CONFIG_NAME) return config;
    }
    throw error;
  }
};
