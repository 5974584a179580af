import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CreateDataset, CreateLoraConfig } from '@influencerai/sdk';
import { imagesHome, installedHome, type RealTrainerId, type TrainerHome } from './trainer-homes.js';

/** A real trainer, a random model that fits a CPU, and the job that trains it. */
export interface RealTrainer {
  id: RealTrainerId;
  /** Name of the model in the registry. */
  modelName: string;
  /** Makes what the job needs below the folder; returns the registry's entry for the model. */
  prepare: (folder: string, home: TrainerHome) => Promise<Record<string, string>>;
  dataset: CreateDataset;
  config: Omit<CreateLoraConfig, 'name' | 'modelName'>;
  steps: number;
  weightName: RegExp;
}

const pictures: CreateDataset = {
  kind: 'lora-training',
  path: 'data/datasets/noise/images',
  meta: { triggerWord: 'ohwx' },
};

const pictureConfig = {
  epochs: 3,
  batchSize: 1,
  resolution: 256,
  networkDim: 4,
  networkAlpha: 4,
  learningRate: 0.001,
  meta: { seed: 7, lrScheduler: 'cosine', saveEverySteps: 3, samplePrompts: ['ohwx person'], sampleSteps: 2 },
};

const makePictures = async (trainer: RealTrainerId, folder: string, home: TrainerHome): Promise<string> => {
  const made = path.join(folder, 'data/datasets/noise');
  await home.makeModel(trainer, 'sd15', made);
  return made;
};

const KNOWN: RealTrainer[] = [
  {
    id: 'trl',
    modelName: 'tiny-llama',
    prepare: async (folder, home) => {
      const rows = Array.from({ length: 16 }, (_, index) =>
        JSON.stringify({ prompt: `Count ${index}: `, completion: `${index}, ${index + 1}, ${index + 2}` }),
      );
      await mkdir(path.join(folder, 'data/datasets/numbers'), { recursive: true });
      await writeFile(path.join(folder, 'data/datasets/numbers/train.jsonl'), rows.join('\n'));
      await home.makeModel('trl', 'text', path.join(folder, 'models/tiny-llama'));
      return { trainer: 'trl', model: path.join(folder, 'models/tiny-llama/model') };
    },
    dataset: { kind: 'fine-tuning', path: 'data/datasets/numbers' },
    config: {
      // Long enough to be killed in the middle.
      epochs: 12,
      batchSize: 2,
      networkDim: 4,
      networkAlpha: 8,
      learningRate: 0.01,
      meta: { seed: 7, lrScheduler: 'cosine', saveEverySteps: 24, samplePrompts: ['Count 3:'] },
    },
    steps: 96,
    weightName: /lora_A\.weight$/,
  },
  {
    id: 'kohya',
    modelName: 'tiny-sd15',
    prepare: async (folder, home) => {
      const made = await makePictures('kohya', folder, home);
      const tokenizerCacheDir = path.join(made, 'tokenizers');
      return { trainer: 'kohya', family: 'sd1', model: path.join(made, 'model'), tokenizerCacheDir };
    },
    dataset: pictures,
    config: pictureConfig,
    steps: 24,
    weightName: /lora_down\.weight$/,
  },
  {
    id: 'ai-toolkit',
    modelName: 'tiny-sd15',
    prepare: async (folder, home) => {
      const made = await makePictures('ai-toolkit', folder, home);
      return { trainer: 'ai-toolkit', arch: 'sd1', model: path.join(made, 'model') };
    },
    dataset: pictures,
    config: pictureConfig,
    steps: 24,
    weightName: /lora_down\.weight$/,
  },
];

/** A real trainer in a place where it is on this machine. */
export interface HousedTrainer {
  real: RealTrainer;
  home: TrainerHome;
}

const housed: HousedTrainer[] = KNOWN.flatMap((real) => [installedHome, imagesHome].map((home) => ({ real, home })));
const isThere = new Map<HousedTrainer, boolean>();
for (const one of housed) isThere.set(one, await one.home.has(one.real.id));

export const housedTrainers: HousedTrainer[] = housed.filter((one) => isThere.get(one));

/** One line for each trainer and home whose tests are left out. */
export const missingTrainers: string[] = housed
  .filter((one) => !isThere.get(one))
  .map(({ real, home }) => home.whyMissing(real.id));
