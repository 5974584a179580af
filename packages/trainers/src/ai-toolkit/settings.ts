import type { TrainingSpec } from '@influencerai/shared';
import { shrunkBatch, type Batch } from '../shrunk-batch.js';
import type { PlanContext } from '../trainer.js';
import { hasWarmup, learningRateFor, optimizerFor, schedulerFor, type Choice } from './choices.js';
import { baseFor, type Base } from './models.js';
import { readParameters, unsupported, type AiToolkitParameters } from './parameters.js';
import { batchesPerEpoch, stepsFor } from './steps.js';

type NetworkType = 'lora' | 'lokr';
type Precision = NonNullable<AiToolkitParameters['precision']>;

const CHECKPOINTS_PER_JOB = 4;
const CAPTION_DROPOUT = 0.05;
const SAMPLE_PROMPTS = 2;

/** Everything that is decided about a job; the configuration, the mapping and the estimates are made from it. */
export interface Settings {
  base: Base;
  read: AiToolkitParameters;
  network: {
    type: NetworkType;
    dim: number;
    alpha: number;
    isAlphaIgnored: boolean;
    conv?: { dim: number; alpha: number };
  };
  precision: Precision;
  savePrecision: Precision;
  quantize: boolean;
  quantizeTextEncoder: boolean;
  optimizer: Choice;
  scheduler: Choice;
  hasWarmup: boolean;
  learningRate: { value: number; reason?: string };
  batch: Batch;
  resolutions: number[];
  captionDropoutRate: number;
  trainTextEncoder: boolean;
  minSnrGamma: number | undefined;
  seed: number;
  prompts: string[];
  triggerWord: string | null;
  steps: { perEpoch: number; total: number };
  saveEvery: number;
  sampleEvery: number;
}

/**
 * Decides what the spec leaves open, and checks it against the model and the host.
 * @throws AppError `spec_unsupported`, `model_unavailable`
 */
export const settingsFor = (spec: TrainingSpec, context: PlanContext): Settings => {
  const read = readParameters(spec);
  const base = baseFor(spec, context);
  const isCuda = context.host.device === 'cuda';
  requireTextEncoder(read, base);
  const optimizer = optimizerFor(spec, context.host);
  const scheduler = schedulerFor(spec, read.warmupSteps ?? 0);
  const resolutions = [...new Set(read.resolutions ?? [spec.training.resolution])];
  const steps = stepsOf(spec, context, { read, base, resolutions });
  const precision = read.precision ?? (isCuda ? 'bf16' : 'fp32');
  return {
    base,
    read,
    network: networkFor(spec, read, base),
    precision,
    savePrecision: read.savePrecision ?? (precision === 'fp32' ? 'fp32' : base.arch.isTransformer ? 'bf16' : 'fp16'),
    quantize: isCuda && (read.quantize ?? base.quantize),
    quantizeTextEncoder: isCuda && (read.quantizeTextEncoder ?? (base.quantize && base.arch.quantizeTextEncoder)),
    optimizer,
    scheduler,
    hasWarmup: hasWarmup(scheduler),
    learningRate: learningRateFor(spec, optimizer),
    batch: shrunkBatch(spec, context.halvings ?? 0),
    resolutions,
    captionDropoutRate: read.cacheTextEmbeddings ? 0 : (read.captionDropoutRate ?? CAPTION_DROPOUT),
    trainTextEncoder: trainsTextEncoder(read, base),
    minSnrGamma: minSnrGammaFor(spec, base),
    seed: spec.training.seed % SEEDS,
    prompts: promptsFor(spec, context),
    triggerWord: spec.dataset.triggerWord === null ? null : inert(spec.dataset.triggerWord),
    steps,
    ...rhythmFor(read, steps),
  };
};

/** numpy takes seeds of 32 bits. */
const SEEDS = 2 ** 32;

interface StepInput {
  read: AiToolkitParameters;
  base: Base;
  resolutions: number[];
}

// Of the batch that was asked for: a smaller one after running out of memory must not change how long a job is.
const stepsOf = (spec: TrainingSpec, { dataset }: PlanContext, { read, base, resolutions }: StepInput) => {
  if (dataset.kind !== 'image') throw unsupported('it learns from pictures, and the dataset holds rows of text.');
  const batches = batchesPerEpoch(dataset.images, {
    resolutions,
    repeats: read.numRepeats ?? 1,
    flipX: read.flipX ?? false,
    divisibility: base.arch.divisibility,
    batchSize: spec.training.batchSize,
  });
  return stepsFor(spec, batches);
};

const networkFor = (spec: TrainingSpec, read: AiToolkitParameters, { arch, archName }: Base): Settings['network'] => {
  if (arch.isTransformer && read.networkType === 'locon') {
    throw unsupported(`${archName} has no convolutions to train; leave networkType "locon" out.`);
  }
  // Its own type `locon` cannot save what it trained (toolkit/network_mixins.py asks it for a `network_type` that it
  // lacks); a LoRA with a rank for convolutions is the same network.
  const type = read.networkType === 'lokr' ? 'lokr' : 'lora';
  // The trainer's own start page gives every model a rank for convolutions; where there are none it changes nothing.
  const asked = arch.isTransformer ? undefined : read.convDim;
  const convDim = asked ?? (read.networkType === 'locon' ? spec.network.dim : undefined);
  const conv = convDim === undefined ? undefined : { dim: convDim, alpha: read.convAlpha ?? convDim };
  return { type, ...spec.network, isAlphaIgnored: arch.isTransformer, conv };
};

const trainsTextEncoder = (read: AiToolkitParameters, { arch, archName }: Base): boolean => {
  if (!read.trainTextEncoder) return false;
  if (!arch.trainsTextEncoder) throw unsupported(`the text encoder of ${archName} cannot be trained.`);
  if (read.cacheTextEmbeddings) {
    throw unsupported('meta.trainTextEncoder and meta.cacheTextEmbeddings exclude each other.');
  }
  return true;
};

const requireTextEncoder = (read: AiToolkitParameters, { arch, archName }: Base): void => {
  if (!read.cacheTextEmbeddings || !arch.needsTextEncoder) return;
  throw unsupported(`${archName} needs its text encoder for samples; leave meta.cacheTextEmbeddings out.`);
};

const minSnrGammaFor = ({ training }: TrainingSpec, { arch }: Base): number | undefined =>
  arch.isEpsilon && training.minSnrGamma !== null && training.minSnrGamma > 0 ? training.minSnrGamma : undefined;

const rhythmFor = (read: AiToolkitParameters, steps: Settings['steps']) => {
  const byEpochs = read.saveEveryEpochs === undefined ? undefined : read.saveEveryEpochs * steps.perEpoch;
  const saveEvery = read.saveEverySteps ?? byEpochs ?? Math.ceil(steps.total / CHECKPOINTS_PER_JOB);
  return { saveEvery, sampleEvery: read.sampleEverySteps ?? saveEvery };
};

/** Without prompts of its own a job shows what it learned on captions of its dataset. */
const promptsFor = ({ samples }: TrainingSpec, { dataset }: PlanContext): string[] => {
  const captions = dataset.kind === 'image' ? dataset.images.map((image) => image.caption) : [];
  const prompts =
    samples.prompts ?? [...new Set(captions)].filter((caption) => caption.trim()).slice(0, SAMPLE_PROMPTS);
  return prompts.map(inertPrompt).filter((prompt) => prompt !== '');
};

/**
 * Text that the trainer leaves as it is: it puts the job's name or the trigger word wherever `[name]` stands
 * (ostris/ai-toolkit: toolkit/config.py, toolkit/prompt_utils.py). `${…}` is looked up in files only, and ours is handed over
 * as an object.
 */
export const inert = (text: string): string => text.replaceAll('[name]', '(name)');

/** Prompts hold options after `--` too, a path to read among them (toolkit/config_modules.py, `GenerateImageConfig`). */
export const inertPrompt = (text: string): string => inert(text).replace(/-{2,}/g, '-').replace(/\s+/g, ' ').trim();
