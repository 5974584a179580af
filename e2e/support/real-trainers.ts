import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPO_ROOT } from '@influencerai/local';
import type { CreateDataset, CreateLoraConfig } from '@influencerai/sdk';

const run = promisify(execFile);

/** Where `bin/trainers install` put them. */
export const TRAINERS_DIR = process.env['TRAINERS_DIR'] ?? path.join(REPO_ROOT, '.local/trainers');

/** A real trainer, a random model that fits a CPU, and the job that trains it. */
export interface RealTrainer {
  id: 'kohya' | 'ai-toolkit' | 'trl';
  /** Name of the model in the registry. */
  modelName: string;
  /** Makes what the job needs below the folder; returns the registry's entry for the model. */
  prepare: (folder: string) => Promise<Record<string, string>>;
  dataset: CreateDataset;
  config: Omit<CreateLoraConfig, 'name' | 'modelName'>;
  steps: number;
  weightName: RegExp;
}

const python = (trainer: string): string => path.join(TRAINERS_DIR, trainer, 'venv/bin/python');

/** The model makers are part of the drivers and need what the trainer's environment has. */
const make = (trainer: string, module: string, folder: string) =>
  run(python(trainer), ['-m', `influencerai_drivers.tiny_models.${module}`, folder], {
    cwd: path.join(REPO_ROOT, 'packages/trainers/drivers'),
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], OMP_NUM_THREADS: '2' },
  });

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

const makePictures = async (trainer: string, folder: string): Promise<string> => {
  const made = path.join(folder, 'data/datasets/noise');
  await make(trainer, 'sd15', made);
  return made;
};

const KNOWN: RealTrainer[] = [
  {
    id: 'trl',
    modelName: 'tiny-llama',
    prepare: async (folder) => {
      const rows = Array.from({ length: 16 }, (_, index) =>
        JSON.stringify({ prompt: `Count ${index}: `, completion: `${index}, ${index + 1}, ${index + 2}` }),
      );
      await mkdir(path.join(folder, 'data/datasets/numbers'), { recursive: true });
      await writeFile(path.join(folder, 'data/datasets/numbers/train.jsonl'), rows.join('\n'));
      await make('trl', 'text', path.join(folder, 'models/tiny-llama'));
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
    prepare: async (folder) => {
      const made = await makePictures('kohya', folder);
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
    prepare: async (folder) => {
      const made = await makePictures('ai-toolkit', folder);
      return { trainer: 'ai-toolkit', arch: 'sd1', model: path.join(made, 'model') };
    },
    dataset: pictures,
    config: pictureConfig,
    steps: 24,
    weightName: /lora_down\.weight$/,
  },
];

const isInstalled = ({ id }: RealTrainer): boolean => existsSync(path.join(TRAINERS_DIR, id, 'installed.json'));

export const installedTrainers: RealTrainer[] = KNOWN.filter(isInstalled);

/** One line for each trainer whose tests are left out. */
export const missingTrainers: string[] = KNOWN.filter((trainer) => !isInstalled(trainer)).map(
  ({ id }) => `${id} is not installed, so its tests are skipped. To run them: bin/trainers install ${id}`,
);
