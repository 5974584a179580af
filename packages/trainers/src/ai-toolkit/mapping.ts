import type { TrainingSpec } from '@influencerai/shared';
import { mapShared, withoutBf16 } from '../map-shared.js';
import type { FieldMapping, PlanContext } from '../trainer.js';
import { fileNameFor } from './file-name.js';
import { parameters, type AiToolkitParameters } from './parameters.js';
import { inert, inertPrompt, type Settings } from './settings.js';

/** Tells for each field of the spec what became of it. */
export const mapFields = (spec: TrainingSpec, context: PlanContext, settings: Settings): FieldMapping[] => [
  exact('baseModel', `model.arch=${settings.base.archName}`),
  dataset(context),
  triggerWord(spec, settings),
  outputName(spec),
  dim(settings),
  alpha(spec, settings),
  epochs(spec, settings),
  exact('training.maxSteps', spec.training.maxSteps === null ? 'unset' : `train.steps=${settings.steps.total}`),
  batchSize(spec, settings),
  accumulation(spec, settings),
  learningRate(spec, settings),
  resolution(spec, settings),
  chosen('training.optimizer', `train.optimizer=${settings.optimizer.name}`, settings.optimizer.reason),
  chosen('training.lrScheduler', schedulerWords(settings), settings.scheduler.reason),
  minSnrGamma(spec, settings),
  seed(spec, settings),
  samplePrompts(spec, settings),
  ...mapShared(spec),
  ...Object.keys(spec.extra).map((key) => extra(key, context, settings)),
  ...gpus(context),
  // It scales no gradients, so that fp16 is no way out.
  ...withoutBf16({
    host: context.host,
    option: 'train.dtype',
    used: settings.precision,
    asked: settings.read.precision,
  }),
];

const exact = (field: string, to: string): FieldMapping => ({ field, how: 'exact', to });
const dropped = (field: string, reason: string): FieldMapping => ({ field, how: 'dropped', reason });
const near = (field: string, to: string, reason: string): FieldMapping => ({ field, how: 'approximated', to, reason });
const chosen = (field: string, to: string, reason: string | undefined): FieldMapping =>
  reason === undefined ? exact(field, to) : near(field, to, reason);

const gpus = ({ host }: PlanContext): FieldMapping[] =>
  host.gpus > 1 ? [near('host.gpus', `1 of ${host.gpus}`, 'The trainer uses one GPU; the others stay idle.')] : [];

const NAME_REASON = 'The trainer would put a name where [name] stands, so it reads (name).';

const dataset = ({ dataset: listing }: PlanContext): FieldMapping => {
  const captions = listing.kind === 'image' ? listing.images.map((image) => image.caption) : [];
  const to = `datasets[0].folder_path (${captions.length} pictures)`;
  return chosen('dataset', to, captions.every((caption) => inert(caption) === caption) ? undefined : NAME_REASON);
};

const triggerWord = ({ dataset: { triggerWord: word } }: TrainingSpec, settings: Settings): FieldMapping => {
  if (word === null) return exact('dataset.triggerWord', 'unset');
  const to = 'trigger_word, put before captions that lack it';
  return chosen('dataset.triggerWord', to, word === settings.triggerWord ? undefined : NAME_REASON);
};

const outputName = (spec: TrainingSpec): FieldMapping => {
  const name = fileNameFor(spec);
  if (name === spec.output.name) return exact('output.name', `${name}.safetensors`);
  return near('output.name', `${name}.safetensors`, 'A file name starts with a letter or a digit.');
};

const dim = ({ network }: Settings): FieldMapping => exact('network.dim', `network.linear=${network.dim}`);

const alpha = (spec: TrainingSpec, { network, base }: Settings): FieldMapping => {
  const field = 'network.alpha';
  if (!network.isAlphaIgnored) return exact(field, `network.linear_alpha=${network.alpha}`);
  const to = `network.linear_alpha=${network.dim}`;
  if (spec.network.alpha === network.dim) return exact(field, to);
  const factor = Number((network.alpha / network.dim).toPrecision(3));
  return near(
    field,
    to,
    `The weights of ${base.archName} know no alpha: the trainer takes the rank in its place, so the network acts at strength 1, not ${factor}.`,
  );
};

const epochs = ({ training }: TrainingSpec, { steps }: Settings): FieldMapping => {
  const field = 'training.epochs';
  if (training.maxSteps !== null) return near(field, 'unset', 'maxSteps decides how long it trains.');
  const reason = `The trainer knows no epochs; ${training.epochs} of ${steps.perEpoch} steps each are counted out.`;
  return near(field, `train.steps=${steps.total}`, reason);
};

const SHRUNK =
  'Memory ran out, so the batch is smaller and the accumulation larger; a step still sees as many pictures.';

const batchSize = ({ training }: TrainingSpec, { batch }: Settings): FieldMapping =>
  chosen(
    'training.batchSize',
    `train.batch_size=${batch.size}`,
    batch.size === training.batchSize ? undefined : SHRUNK,
  );

const accumulation = ({ training }: TrainingSpec, { batch }: Settings): FieldMapping =>
  chosen(
    'training.gradientAccumulation',
    `train.gradient_accumulation=${batch.accumulation}`,
    batch.accumulation === training.gradientAccumulation ? undefined : SHRUNK,
  );

const learningRate = (_spec: TrainingSpec, { learningRate: { value, reason } }: Settings): FieldMapping =>
  chosen('training.learningRate', `train.lr=${value}`, reason);

const resolution = ({ training }: TrainingSpec, { resolutions, read }: Settings): FieldMapping => {
  const to = `datasets[0].resolution=${resolutions.join(',')}`;
  return read.resolutions
    ? near('training.resolution', to, `meta.resolutions takes the place of ${training.resolution}.`)
    : exact('training.resolution', to);
};

const schedulerWords = ({ scheduler: { name, params } }: Settings): string =>
  [`train.lr_scheduler=${name}`, ...Object.entries(params).map(([key, value]) => `${key}=${String(value)}`)].join(' ');

const minSnrGamma = ({ training }: TrainingSpec, settings: Settings): FieldMapping => {
  const field = 'training.minSnrGamma';
  if (training.minSnrGamma === null) return exact(field, 'unset');
  if (settings.minSnrGamma !== undefined) return exact(field, `train.min_snr_gamma=${settings.minSnrGamma}`);
  if (training.minSnrGamma <= 0) return dropped(field, 'It must be greater than 0.');
  return dropped(field, `It weighs noise-predicting models; ${settings.base.archName} matches flows.`);
};

const seed = ({ training }: TrainingSpec, settings: Settings): FieldMapping =>
  chosen(
    'training.seed',
    `training_seed=${settings.seed}`,
    settings.seed === training.seed ? undefined : 'Seeds have 32 bits.',
  );

const samplePrompts = ({ samples }: TrainingSpec, { prompts }: Settings): FieldMapping => {
  const to = `sample.samples (${prompts.length})`;
  if (samples.prompts === null)
    return near('samples.prompts', to, 'None were given, so captions of the dataset are used.');
  if (samples.prompts.every((prompt) => inertPrompt(prompt) === prompt)) return exact('samples.prompts', to);
  return near(
    'samples.prompts',
    to,
    'The trainer reads options after "--" and puts a name where [name] stands, so those are written "-" and "(name)".',
  );
};

type Key = keyof AiToolkitParameters;

const TARGETS: Readonly<Record<Key, string>> = {
  networkType: 'network.type',
  convDim: 'network.conv',
  convAlpha: 'network.conv_alpha',
  lokrFactor: 'network.lokr_factor',
  networkDropout: 'network.dropout',
  precision: 'train.dtype',
  savePrecision: 'save.dtype',
  quantize: 'model.quantize',
  quantizeTextEncoder: 'model.quantize_te',
  lowVram: 'model.low_vram',
  gradientCheckpointing: 'train.gradient_checkpointing',
  cacheLatentsToDisk: 'datasets[0].cache_latents_to_disk',
  cacheTextEmbeddings: 'train.cache_text_embeddings',
  captionDropoutRate: 'datasets[0].caption_dropout_rate',
  resolutions: 'datasets[0].resolution',
  numRepeats: 'datasets[0].num_repeats',
  flipX: 'datasets[0].flip_x',
  timestepType: 'train.timestep_type',
  noiseOffset: 'train.noise_offset',
  maxGradNorm: 'train.max_grad_norm',
  weightDecay: 'train.optimizer_params.weight_decay',
  warmupSteps: 'train.lr_scheduler_params.num_warmup_steps',
  trainTextEncoder: 'train.train_text_encoder',
  emaDecay: 'train.ema_config.ema_decay',
  saveEverySteps: 'saveEverySteps',
  saveEveryEpochs: 'saveEverySteps',
  sampleEverySteps: 'sampleEverySteps',
  sampleSteps: 'sample.sample_steps',
  guidanceScale: 'sample.guidance_scale',
  negativePrompt: 'sample.neg',
};

type Unheard = (context: PlanContext, settings: Settings) => string | undefined;

/** Why a parameter has no effect in this job. */
const UNHEARD: Partial<Record<Key, Unheard>> = {
  convDim: (_context, { base }) => (base.arch.isTransformer ? noConvolutions(base.archName) : undefined),
  convAlpha: (_context, { network }) => (network.conv ? undefined : 'Without convDim it has no meaning.'),
  lokrFactor: (_context, { network }) => (network.type === 'lokr' ? undefined : 'It is of networkType "lokr".'),
  quantize: ({ host }, { read }) => (read.quantize && host.device === 'cpu' ? NO_CUDA : undefined),
  quantizeTextEncoder: ({ host }, { read }) =>
    read.quantizeTextEncoder && host.device === 'cpu' ? NO_CUDA : undefined,
  captionDropoutRate: (_context, { read }) =>
    read.cacheTextEmbeddings ? 'With cacheTextEmbeddings no caption is dropped.' : undefined,
  timestepType: (_context, { base }) => (base.arch.isEpsilon ? 'It is of flow-matching models.' : undefined),
  noiseOffset: (_context, { base }) => (base.arch.isEpsilon ? undefined : 'It is of noise-predicting models.'),
  warmupSteps: (_context, settings) =>
    settings.hasWarmup ? undefined : 'The trainer has a warm-up with a constant rate only.',
  saveEveryEpochs: (_context, { read }) =>
    read.saveEverySteps === undefined ? undefined : 'saveEverySteps takes its place.',
};

const LOCON_REASON = 'Its own LoCon cannot be saved; a LoRA with a rank for convolutions is the same network.';
const NO_CUDA = 'It needs a CUDA GPU.';
const noConvolutions = (archName: string): string => `${archName} has no convolutions to train.`;
const EMA_REASON = 'Training that was interrupted goes on from the average, which is what the trainer saves.';

const extra = (key: string, context: PlanContext, settings: Settings): FieldMapping => {
  const field = `extra.${key}`;
  if (!Object.hasOwn(parameters.shape, key)) return dropped(field, 'ai-toolkit does not know it.');
  const known = key as Key;
  const reason = UNHEARD[known]?.(context, settings);
  if (reason !== undefined) return dropped(field, reason);
  if (settings.read[known] === 'locon') return near(field, 'network.type=lora network.conv', LOCON_REASON);
  if (known === 'emaDecay') return near(field, `${TARGETS[known]}=${settings.read.emaDecay}`, EMA_REASON);
  if (known === 'saveEveryEpochs') return exact(field, `saveEverySteps=${settings.saveEvery}`);
  return exact(field, `${TARGETS[known]}=${JSON.stringify(settings.read[known])}`);
};
