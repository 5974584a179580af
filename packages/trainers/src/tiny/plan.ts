import { AppError, type TrainingSpec } from '@influencerai/shared';
import { plainText } from '../text-row.js';
import type { DatasetListing, Plan, PlanContext } from '../trainer.js';
import type { TinyConfig } from './config.js';
import { mapFields } from './mapping.js';
import { checkpointEveryEpochs, schedulerFor, stepDelayMs, warmupSteps } from './settings.js';

const CONFIG_FILE = 'config.json';
/** A few checkpoints and states of weights under a megabyte each. */
const WORKSPACE_BYTES = 16 * 1024 * 1024;
const SAMPLE_PROMPTS = 2;
const PROMPT_WORDS_OF_A_ROW = 3;

/** Translates the portable spec into tiny's `config.json`. */
export const planTiny = (spec: TrainingSpec, context: PlanContext): Plan => {
  if (spec.kind !== context.dataset.kind) {
    throw new AppError('spec_unsupported', {
      trainer: 'tiny',
      reason: `the job is of kind ${spec.kind} and the dataset holds ${context.dataset.kind} examples`,
    });
  }
  const config = toConfig(spec, context);
  return {
    files: [{ path: CONFIG_FILE, content: `${JSON.stringify(config, null, 2)}\n` }],
    links: [],
    reads: readsOf(context),
    command: ['tiny', '--config', `${context.workspaceDir}/${CONFIG_FILE}`],
    env: {},
    stdin: 'commands',
    mapping: mapFields(spec, config),
    steps: stepsOf(spec, context.dataset),
    diskBytes: WORKSPACE_BYTES,
  };
};

const readsOf = ({ dataset, resumeFrom }: PlanContext): string[] => [
  ...(dataset.kind === 'image' ? dataset.images.map((image) => image.path) : []),
  ...(resumeFrom ? [resumeFrom.path] : []),
];

const stepsOf = ({ training }: TrainingSpec, dataset: DatasetListing): Plan['steps'] => {
  const examples = dataset.kind === 'image' ? dataset.images.length : dataset.rows.length;
  const perEpoch = Math.ceil(examples / training.batchSize);
  return { perEpoch, total: training.maxSteps ?? perEpoch * training.epochs };
};

const toConfig = (spec: TrainingSpec, context: PlanContext): TinyConfig => {
  const everyEpochs = checkpointEveryEpochs(spec);
  return {
    kind: spec.kind,
    dataset: toDataset(context.dataset),
    outputDir: 'output',
    name: fileNameFor(spec),
    network: spec.network,
    training: toTraining(spec, context),
    checkpoint: { everyEpochs },
    samples: { prompts: promptsFor(spec, context.dataset), everyEpochs },
    resumeFrom: context.resumeFrom?.path,
    isBudgeted: context.isBudgeted,
    stepDelayMs: stepDelayMs(spec),
    exitOnStdinClose: true,
    metadata: metadataFor(spec, context),
  };
};

const toDataset = (dataset: DatasetListing): TinyConfig['dataset'] =>
  dataset.kind === 'image'
    ? { images: dataset.images.map(({ path, caption }) => ({ path, caption })) }
    : { rows: dataset.rows.map(plainText) };

const toTraining = (spec: TrainingSpec, { halvings = 0 }: PlanContext): TinyConfig['training'] => ({
  epochs: spec.training.epochs,
  maxSteps: spec.training.maxSteps ?? undefined,
  batchSize: Math.max(1, spec.training.batchSize >> halvings),
  learningRate: spec.training.learningRate,
  lrScheduler: schedulerFor(spec).name,
  warmupSteps: warmupSteps(spec),
  optimizer: 'AdamW',
  seed: spec.training.seed,
  minSnrGamma: minSnrGammaFor(spec),
});

const minSnrGammaFor = ({ kind, training }: TrainingSpec): number | undefined =>
  kind === 'image' && training.minSnrGamma !== null && training.minSnrGamma > 0 ? training.minSnrGamma : undefined;

/** tiny takes names that start with a letter or a digit. */
const fileNameFor = ({ output }: TrainingSpec): string =>
  output.name.replace(/[^\p{L}\p{N}._-]/gu, '-').replace(/^[._-]+/, '') || 'lora';

/** Without prompts of its own a job shows what it learned on captions (or beginnings of rows) of its dataset. */
const promptsFor = (spec: TrainingSpec, dataset: DatasetListing): string[] => {
  if (spec.samples.prompts !== null) return spec.samples.prompts;
  const candidates =
    dataset.kind === 'image'
      ? dataset.images.map((image) => image.caption)
      : dataset.rows.map((row) => plainText(row).split(/\s+/).slice(0, PROMPT_WORDS_OF_A_ROW).join(' '));
  return [...new Set(candidates.filter((prompt) => prompt !== ''))].slice(0, SAMPLE_PROMPTS);
};

/** Goes into the header of every `.safetensors` file that the job writes. */
const metadataFor = (spec: TrainingSpec, context: PlanContext): Record<string, string> => ({
  job_id: context.jobId,
  attempt: String(context.attempt),
  trainer: 'tiny',
  requested_trainer: spec.requestedTrainer,
  requested_base_model: spec.baseModel,
  dataset_digest: spec.dataset.digest ?? '',
  trigger_word: spec.dataset.triggerWord ?? '',
});
