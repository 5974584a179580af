import { type TrainerId, type TrainingSpec } from '@influencerai/shared';
import { isPicture } from '../datasets/inspection/inspect-picture.js';
import type { JobSources } from './job-submissions.repository.js';

const KNOWN_META = [
  'optimizer',
  'lrScheduler',
  'minSnrGamma',
  'seed',
  'samplePrompts',
  'maxSteps',
  'gradientAccumulation',
  'onOutOfMemory',
];

export interface TrainerChoice {
  kind: TrainingSpec['kind'];
  trainer: TrainerId;
  requestedTrainer: TrainerId;
}

/**
 * Freezes a dataset and a configuration into the spec of one job, defaults filled in. Values in `meta` that have the
 * wrong type are treated as absent; they were never promised a meaning.
 */
export function buildSpec(
  { dataset, config, payload }: JobSources,
  choice: TrainerChoice,
  output: TrainingSpec['output'],
): TrainingSpec {
  const { meta } = config;
  const { triggerWords } = payload;
  const leftOut = unusablePictures(dataset);
  const triggerWord = triggerWords?.join(', ') ?? text(dataset.meta['triggerWord']) ?? null;
  return {
    version: 1,
    ...choice,
    baseModel: config.modelName,
    dataset: {
      id: dataset.id,
      kind: dataset.kind,
      path: dataset.path,
      digest: dataset.stats?.digest ?? null,
      examples: Math.max(dataset.stats?.images ?? 0, dataset.stats?.rows ?? 0),
      ...(leftOut.length > 0 && { leftOut }),
      triggerWord,
      ...(triggerWords && { triggerWords }),
    },
    output,
    training: {
      epochs: config.epochs,
      maxSteps: positiveInteger(meta['maxSteps']) ?? null,
      batchSize: config.batchSize,
      gradientAccumulation: positiveInteger(meta['gradientAccumulation']) ?? 1,
      learningRate: config.learningRate,
      resolution: config.resolution,
      optimizer: text(meta['optimizer']) ?? 'AdamW',
      lrScheduler: text(meta['lrScheduler']) ?? 'constant',
      minSnrGamma: number(meta['minSnrGamma']) ?? null,
      seed: positiveInteger(meta['seed']) ?? 42,
    },
    onOutOfMemory: meta['onOutOfMemory'] === 'shrink' ? 'shrink' : 'fail',
    network: { dim: config.networkDim, alpha: config.networkAlpha },
    samples: { prompts: texts(meta['samplePrompts']) ?? null },
    extra: Object.fromEntries(
      Object.entries(meta).filter(([key]) => !KNOWN_META.includes(key)),
    ) as TrainingSpec['extra'],
  };
}

/** What is damaged, of another format than it seems or too large would end a training, or be learned half. */
const unusablePictures = ({ problems }: JobSources['dataset']): string[] =>
  problems.filter(({ file, severity }) => severity === 'error' && isPicture(file)).map(({ file }) => file);

/** `data/loras/my-influencer-v1` for a configuration without an output path, from its name. */
export function defaultOutputDir(configName: string): string {
  const slug = configName
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return `data/loras/${slug || 'lora'}`;
}

/** The file base name that belongs to an output folder. */
export const outputName = (outputDir: string): string =>
  (outputDir.split('/').findLast((part) => part !== '') ?? 'lora').replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const positiveInteger = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31 ? (value as number) : undefined;
const texts = (value: unknown): string[] | undefined =>
  Array.isArray(value) && value.length <= 16 && value.every((item) => typeof item === 'string')
    ? (value as string[])
    : undefined;
