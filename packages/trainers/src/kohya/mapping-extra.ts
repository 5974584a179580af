import type { FieldMapping } from '../trainer.js';
import { dropped, exact, near } from './mapping.js';
import type { KohyaParameter } from './parameters.js';
import type { Planned } from './plan.js';

/** Names of kohya for what `meta` may hold. */
const OPTIONS: Record<KohyaParameter, string> = {
  method: 'script, network_args',
  convDim: 'conv_dim',
  convAlpha: 'conv_alpha',
  unetLearningRate: 'unet_lr',
  textEncoderLearningRate: 'text_encoder_lr',
  networkTrainUnetOnly: 'network_train_unet_only',
  cacheLatents: 'cache_latents',
  cacheTextEncoderOutputs: 'cache_text_encoder_outputs',
  gradientCheckpointing: 'gradient_checkpointing',
  attention: 'sdpa, xformers',
  precision: 'mixed_precision',
  savePrecision: 'save_precision',
  warmupSteps: 'lr_warmup_steps',
  schedulerCycles: 'lr_scheduler_num_cycles',
  noiseOffset: 'noise_offset',
  captionDropoutRate: 'caption_dropout_rate',
  shuffleCaption: 'shuffle_caption',
  keepTokens: 'keep_tokens',
  flipAug: 'flip_aug',
  numRepeats: 'num_repeats',
  classTokens: 'class_tokens',
  enableBucket: 'enable_bucket',
  minBucketReso: 'min_bucket_reso',
  maxBucketReso: 'max_bucket_reso',
  bucketResoSteps: 'bucket_reso_steps',
  blocksToSwap: 'blocks_to_swap',
  fp8Base: 'fp8_base',
  networkDropout: 'network_dropout',
  scaleWeightNorms: 'scale_weight_norms',
  saveEveryEpochs: 'saveEveryEpochs',
  saveEverySteps: 'saveEverySteps',
  sampleEveryEpochs: 'sampleEveryEpochs',
  sampleEverySteps: 'sampleEverySteps',
  sampleAtFirst: 'sample_at_first',
  sampleSteps: 'sample_steps',
};

const OF_NETWORKS: readonly KohyaParameter[] = [
  'unetLearningRate',
  'cacheTextEncoderOutputs',
  'blocksToSwap',
  'fp8Base',
  'networkDropout',
  'scaleWeightNorms',
];

/** What became of one entry of `meta`. */
export const mapExtra = (planned: Planned, key: string): FieldMapping => {
  const field = `extra.${key}`;
  if (!isParameter(key)) return dropped(field, 'kohya does not know it, or a job may not set it.');
  const value = planned.spec.extra[key];
  return exception(planned, key, field) ?? exact(field, `${OPTIONS[key]}=${JSON.stringify(value)}`);
};

const isParameter = (key: string): key is KohyaParameter => Object.hasOwn(OPTIONS, key);

/** Known keys that do less in this job than they say. */
const exception = (planned: Planned, key: KohyaParameter, field: string): FieldMapping | undefined => {
  if (planned.settings.full && OF_NETWORKS.includes(key)) {
    return dropped(field, 'All weights are trained, so there is no network.');
  }
  return EXCEPTIONS[key]?.(planned, field);
};

type Exception = (planned: Planned, field: string) => FieldMapping | undefined;

const onlyLocon: Exception = ({ settings }, field) =>
  settings.method === 'locon' ? undefined : dropped(field, 'Only method "locon" trains convolutions.');

const EXCEPTIONS: Partial<Record<KohyaParameter, Exception>> = {
  convDim: onlyLocon,
  convAlpha: onlyLocon,
  method: ({ settings: { full, method } }, field) => {
    if (!full) return undefined;
    const to = `${full.script}.py`;
    if (method === 'finetune') return exact(field, to);
    return near(field, to, 'A job has no class pictures, so nothing keeps the rest of the class from drifting along.');
  },
  networkTrainUnetOnly: ({ settings: { full, trainsTextEncoder } }, field) => {
    if (!full) return undefined;
    if (full.textSwitch) return exact(field, `${full.textSwitch}=${trainsTextEncoder}`);
    return exact(field, `stop_text_encoder_training=${trainsTextEncoder ? 'unset' : -1}`);
  },
  textEncoderLearningRate: ({ spec, settings: { full, trainsTextEncoder } }, field) => {
    if (!trainsTextEncoder) return dropped(field, 'No text encoder is trained.');
    if (!full) return undefined;
    const options = full.textRate ?? 'learning_rate_te1, learning_rate_te2';
    return exact(field, `${options}=${JSON.stringify(spec.extra['textEncoderLearningRate'])}`);
  },
  cacheTextEncoderOutputs: ({ settings, spec }, field) =>
    spec.extra['cacheTextEncoderOutputs'] === true && !settings.cachesText
      ? dropped(field, 'kohya has no such cache for this model.')
      : undefined,
  attention: ({ spec, context }, field) =>
    spec.extra['attention'] === 'xformers' && context.host.device === 'cpu'
      ? near(field, 'sdpa', 'xformers needs a CUDA GPU.')
      : undefined,
  precision: ({ spec, context }, field) =>
    context.host.device === 'cpu' && ['bf16', 'fp16'].includes(String(spec.extra['precision']))
      ? near(field, 'mixed_precision=no', 'On a CPU it trains in fp32.')
      : undefined,
  schedulerCycles: ({ settings }, field) =>
    settings.scheduler.name === 'cosine_with_restarts' ? undefined : dropped(field, 'The schedule has no restarts.'),
  noiseOffset: ({ base }, field) =>
    base.traits.isFlow ? dropped(field, `kohya has no noise offset for ${base.family}.`) : undefined,
  blocksToSwap: ({ settings, context }, field) => {
    if (settings.blocksToSwap !== undefined) return undefined;
    const reason = context.host.device === 'cpu' ? 'Without a GPU there is nothing to swap.' : 'Only flow models swap.';
    return dropped(field, reason);
  },
  fp8Base: ({ spec, settings, context }, field) => {
    if (spec.extra['fp8Base'] !== true) return undefined;
    if (settings.fp8) return exact(field, `${settings.fp8}=true`);
    return dropped(
      field,
      context.host.device === 'cpu' ? 'It needs a GPU.' : 'kohya has no 8-bit base for this model.',
    );
  },
  sampleAtFirst: ({ mode }, field) =>
    mode === 'gate' ? undefined : dropped(field, 'Only gated runs sample at first.'),
  saveEverySteps: ({ mode }, field) =>
    mode === 'gate'
      ? undefined
      : near(field, 'save_every_n_epochs', 'Without the step gate it saves at ends of epochs.'),
  saveEveryEpochs: ({ spec }, field) =>
    spec.extra['saveEverySteps'] === undefined ? undefined : dropped(field, 'saveEverySteps decides.'),
  sampleEveryEpochs: ({ spec }, field) =>
    spec.extra['sampleEverySteps'] === undefined ? undefined : dropped(field, 'sampleEverySteps decides.'),
};
