import type { TrainingSpec } from '@influencerai/shared';
import { openPrecision } from '../map-shared.js';
import { shrunkBatch, type Batch } from '../shrunk-batch.js';
import type { PlanContext } from '../trainer.js';
import type { BucketSettings } from './buckets.js';
import { cachesFor, type Caches } from './caches.js';
import { optimizerFor, schedulerFor, type Choice } from './choices.js';
import type { FamilyTraits, FullScript } from './families.js';
import { parameters, type KohyaParameters } from './parameters.js';
import { unsupported } from './unsupported.js';

const CHECKPOINTS_PER_JOB = 4;
const USUAL_STEP = 64;
const SMALLEST_SIDE = 256;

/** Everything that is decided once and used by several files of a plan. */
export interface KohyaSettings {
  given: KohyaParameters;
  method: NonNullable<KohyaParameters['method']>;
  /** The script of a full fine-tune; undefined for networks. */
  full?: FullScript;
  batch: Batch;
  buckets: BucketSettings;
  precision: 'bf16' | 'fp16' | 'no';
  savePrecision: 'bf16' | 'fp16' | 'float';
  trainsTextEncoder: boolean;
  cachesLatents: boolean;
  cachesText: boolean;
  caches: Caches;
  gradientCheckpointing: boolean;
  optimizer: Choice;
  scheduler: Choice;
  warmupSteps: number;
  minSnrGamma: number | undefined;
  blocksToSwap: number | undefined;
  fp8: FamilyTraits['fp8'];
  noiseOffset: number | undefined;
  saveEvery: { steps?: number; epochs?: number };
  sampleEvery: { steps?: number; epochs?: number };
}

/** @throws AppError `spec_unsupported` */
export const settingsFor = (spec: TrainingSpec, context: PlanContext, traits: FamilyTraits): KohyaSettings => {
  const given = readParameters(spec);
  const method = given.method ?? 'lora';
  const full = fullScript(method, traits);
  const trainsTextEncoder = trainsText(given, traits, full);
  const isOnGpu = context.host.device === 'cuda';
  const saveEvery = checkpointsOf(spec, given);
  const precision = precisionOf(given, context, traits);
  const cachesLatents = given.cacheLatents ?? true;
  const cachesText = full === undefined && isTextCached(given, traits, trainsTextEncoder);
  return {
    given,
    method,
    full,
    batch: shrunkBatch(spec, context.halvings ?? 0),
    buckets: bucketsOf(spec, given, full ? 64 : traits.bucketStep),
    ...precision,
    trainsTextEncoder,
    cachesLatents,
    cachesText,
    caches: cachesFor(spec, context, { ...traits, isFull: full !== undefined, given, cachesLatents, cachesText }),
    gradientCheckpointing: given.gradientCheckpointing ?? isOnGpu,
    optimizer: optimizerFor(spec, context.host),
    scheduler: schedulerFor(spec, given.warmupSteps ?? 0),
    warmupSteps: given.warmupSteps ?? 0,
    minSnrGamma: minSnrGammaOf(spec, traits),
    blocksToSwap: isOnGpu ? blocksToSwap(given, traits) : undefined,
    fp8: isOnGpu && full === undefined ? fp8Of(given, traits, precision) : undefined,
    noiseOffset: traits.isFlow ? undefined : given.noiseOffset,
    saveEvery,
    sampleEvery: samplesOf(given, saveEvery),
  };
};

/** With a smaller batch than was asked for, kohya's epochs have another length: each bucket ends with a short batch. */
export const isShrunk = ({ spec, settings }: { spec: TrainingSpec; settings: KohyaSettings }): boolean =>
  settings.batch.size !== spec.training.batchSize;

/** Known keys of `extra`; a value of the wrong kind ends the plan, since guessing would train something else. */
const readParameters = (spec: TrainingSpec): KohyaParameters => {
  const parsed = parameters.safeParse(spec.extra);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(`meta.${issue?.path.join('.')}: ${issue?.message}.`);
};

const fullScript = (method: KohyaSettings['method'], traits: FamilyTraits): FullScript | undefined => {
  if (method === 'lora' || method === 'locon') return undefined;
  const script = traits.full[method];
  if (!script) throw unsupported(`method "${method}" is for SD 1.x, SD 2.x and SDXL.`);
  return script;
};

/** Scripts that have a switch for it train no text encoder by themselves; a rate of its own asks for it. */
const trainsText = (given: KohyaParameters, { isFlow }: FamilyTraits, full: FullScript | undefined): boolean => {
  if (given.networkTrainUnetOnly !== undefined) return !given.networkTrainUnetOnly;
  return full?.textSwitch ? given.textEncoderLearningRate !== undefined : !isFlow;
};

const bucketsOf = ({ training }: TrainingSpec, given: KohyaParameters, multiple: number): BucketSettings => {
  const { resolution } = training;
  if (resolution < 64) throw unsupported('resolution must be at least 64.');
  const step = given.bucketResoSteps ?? USUAL_STEP;
  if (step % multiple !== 0)
    throw unsupported(`meta.bucketResoSteps must be a multiple of ${multiple} for this model.`);
  const down = (side: number): number => Math.max(step, Math.floor(side / step) * step);
  const min = given.minBucketReso ?? Math.min(SMALLEST_SIDE, down(resolution));
  const max = given.maxBucketReso ?? Math.ceil((2 * resolution) / step) * step;
  if (min > resolution || max < resolution) {
    throw unsupported('resolution must lie between meta.minBucketReso and meta.maxBucketReso.');
  }
  return { resolution, enabled: given.enableBucket ?? true, min, max, step };
};

const precisionOf = (
  given: KohyaParameters,
  { host, resumeFrom }: PlanContext,
  { isFlow }: FamilyTraits,
): Pick<KohyaSettings, 'precision' | 'savePrecision'> => {
  const asked = given.precision ?? 'auto';
  // Flow models and their text encoders overflow in fp16, and a state without a scaler cannot be gone on from in it.
  const open = isFlow || resumeFrom?.hasScaler === false ? 'bf16' : openPrecision(host);
  const used = host.device === 'cpu' ? 'fp32' : asked === 'auto' ? open : asked;
  const saved = given.savePrecision ?? used;
  return { precision: used === 'fp32' ? 'no' : used, savePrecision: saved === 'fp32' ? 'float' : saved };
};

const blocksToSwap = ({ blocksToSwap: asked }: KohyaParameters, { swappableBlocks }: FamilyTraits) => {
  if (asked === undefined || swappableBlocks === 0) return undefined;
  if (asked > swappableBlocks) throw unsupported(`meta.blocksToSwap is at most ${swappableBlocks} for this model.`);
  return asked;
};

const fp8Of = (
  { fp8Base }: KohyaParameters,
  { fp8 }: FamilyTraits,
  { precision }: Pick<KohyaSettings, 'precision'>,
): FamilyTraits['fp8'] => {
  if (fp8Base !== true) return undefined;
  if (fp8 === 'fp8_base' && precision === 'no') {
    throw unsupported('meta.fp8Base needs meta.precision "bf16" or "fp16".');
  }
  return fp8;
};

const isTextCached = (given: KohyaParameters, traits: FamilyTraits, trainsTextEncoder: boolean): boolean => {
  const changes = given.shuffleCaption === true || (given.captionDropoutRate ?? 0) > 0;
  const isPossible = traits.textCache === 'always' || (traits.textCache === 'without-text-lora' && !trainsTextEncoder);
  if (given.cacheTextEncoderOutputs !== true) {
    return traits.isFlow && isPossible && !changes && given.cacheTextEncoderOutputs !== false;
  }
  if (changes) {
    throw unsupported('meta.cacheTextEncoderOutputs excludes meta.shuffleCaption and meta.captionDropoutRate.');
  }
  if (traits.textCache === 'without-text-lora' && trainsTextEncoder) {
    throw unsupported('meta.cacheTextEncoderOutputs needs meta.networkTrainUnetOnly: true for this model.');
  }
  return isPossible;
};

/** Flow models replace the function that weights by it with one that does nothing. */
const minSnrGammaOf = ({ training }: TrainingSpec, { isFlow }: FamilyTraits): number | undefined =>
  !isFlow && training.minSnrGamma !== null && training.minSnrGamma > 0 ? training.minSnrGamma : undefined;

/** Every fourth of the job, unless the configuration says otherwise. */
const checkpointsOf = ({ training }: TrainingSpec, given: KohyaParameters): KohyaSettings['saveEvery'] => {
  if (given.saveEverySteps !== undefined) return { steps: given.saveEverySteps };
  if (given.saveEveryEpochs !== undefined) return { epochs: given.saveEveryEpochs };
  if (training.maxSteps !== null) return { steps: Math.ceil(training.maxSteps / CHECKPOINTS_PER_JOB) };
  return { epochs: Math.ceil(training.epochs / CHECKPOINTS_PER_JOB) };
};

const samplesOf = (given: KohyaParameters, saveEvery: KohyaSettings['saveEvery']): KohyaSettings['sampleEvery'] => {
  if (given.sampleEverySteps !== undefined) return { steps: given.sampleEverySteps };
  if (given.sampleEveryEpochs !== undefined) return { epochs: given.sampleEveryEpochs };
  return saveEvery;
};
