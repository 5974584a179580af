import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPO_ROOT } from '@influencerai/local';
import type { CreateDataset, CreateLoraConfig } from '@influencerai/sdk';

const run = promisify(execFile);

/** A job to time. */
export interface Subject {
  name: string;
  dataset: CreateDataset;
  config: CreateLoraConfig;
}

const PICTURES: CreateDataset = { kind: 'lora-training', path: 'data/datasets/my-influencer' };

const tiny: Subject = {
  name: 'tiny',
  dataset: PICTURES,
  config: { name: 'bench tiny', modelName: 'tiny-image', epochs: 20, meta: { samplePrompts: [] } },
};

interface Real {
  trainer: string;
  /** Makes its model in the folder. */
  build: (python: string, folder: string) => Promise<unknown>;
  entry: (folder: string) => Record<string, string>;
  subject: Subject;
}

const builder = path.join(REPO_ROOT, 'packages/trainers/drivers');
const build = (module: string) => (python: string, folder: string) =>
  run(python, ['-m', `influencerai_drivers.tiny_models.${module}`, folder], { cwd: builder });

const REAL: Real[] = [
  {
    trainer: 'trl',
    build: build('text'),
    entry: (folder) => ({ trainer: 'trl', model: path.join(folder, 'model') }),
    subject: {
      name: 'TRL, on a CPU',
      dataset: { kind: 'fine-tuning', path: 'data/datasets/sentences' },
      config: { name: 'bench trl', modelName: 'bench-trl', epochs: 30, batchSize: 4, meta: { samplePrompts: [] } },
    },
  },
  {
    trainer: 'kohya',
    build: build('sd15'),
    entry: (folder) => ({
      trainer: 'kohya',
      family: 'sd1',
      model: path.join(folder, 'model'),
      tokenizerCacheDir: path.join(folder, 'tokenizers'),
    }),
    subject: {
      name: 'kohya, on a CPU',
      dataset: PICTURES,
      config: {
        name: 'bench kohya',
        modelName: 'bench-kohya',
        epochs: 2,
        batchSize: 1,
        resolution: 256,
        meta: { samplePrompts: [] },
      },
    },
  },
];

/** The jobs that this machine can time, the registry of their models, and what was left out, with the reason. */
export async function subjects(folder: string): Promise<{ found: Subject[]; models: string; left: string[] }> {
  const trainersDir = process.env['TRAINERS_DIR'] ?? path.join(REPO_ROOT, '.local/trainers');
  const found: Subject[] = [tiny];
  const left: string[] = [];
  const models: Record<string, object> = {};
  await writeSentences(folder);
  for (const { trainer, build, entry, subject } of REAL) {
    const python = path.join(trainersDir, trainer, 'venv/bin/python');
    if (!(await isThere(path.join(trainersDir, trainer, 'installed.json')))) {
      left.push(`${trainer} is not installed (bin/trainers install ${trainer}): its row is left out.`);
      continue;
    }
    const model = path.join(folder, 'models', trainer);
    await build(python, model);
    models[subject.config.modelName] = entry(model);
    found.push(subject);
  }
  const file = path.join(folder, 'models.yaml');
  await writeFile(file, JSON.stringify({ models }));
  return { found, models: file, left };
}

async function writeSentences(folder: string): Promise<void> {
  const rows = Array.from({ length: 64 }, (_, index) => JSON.stringify({ text: `row ${index} of a bench that runs` }));
  await mkdir(path.join(folder, 'data/datasets/sentences'), { recursive: true });
  await writeFile(path.join(folder, 'data/datasets/sentences/train.jsonl'), rows.join('\n'));
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
