import { AI_TOOLKIT_OPTIONS } from '@influencerai/trainers';
import { CreateDatasetSchema, JobConfigSchema, TriggerWordSchema } from '@influencerai/shared';
import { z } from 'zod';
import { ignored } from '../ignored.schema.js';
import { orDefault, orLeftOut, saysMissing } from '../left-out.schema.js';
import { numberOrText } from '../number-or-text.schema.js';

/*
 * The configuration of ai-toolkit, as its `get_job` takes it, as far as it can be honoured here; what its example for FLUX
 * and its own start page make is taken whole. What is left out has the default of the service's own configurations.
 */

/** Taken and not looked at, by the section they stand in; why is said in docs/dialects.md. */
export const IGNORED = {
  process: ['training_folder', 'performance_log_every', 'logging'],
  save: ['max_step_saves_to_keep', 'save_format'],
  datasets: ['num_workers', 'cache_latents', 'mask_min_value', 'shrink_video_to_frames', 'do_i2v'],
  train: [
    'noise_scheduler',
    'bypass_guidance_embedding',
    'skip_first_sample',
    'force_first_sample',
    'diff_output_preservation_multiplier',
    'diff_output_preservation_class',
  ],
  model: ['arch', 'is_flux', 'is_xl', 'is_v2', 'is_v3'],
  samples: ['width', 'height', 'seed', 'num_frames', 'fps'],
  sample: ['sampler', 'sample_start_step', 'width', 'height', 'seed', 'walk_seed', 'format', 'num_frames', 'fps'],
} as const;

type Section = keyof typeof AI_TOOLKIT_OPTIONS;

/** A section. ai-toolkit itself ignores keys that it does not know, and so they are here; those that it reads are refused. */
const section = <Shape extends z.ZodRawShape>(name: Section, shape: Shape) =>
  z.looseObject(shape).superRefine((value, context) => {
    const keys = Object.keys(value).filter((key) => !(key in shape) && AI_TOOLKIT_OPTIONS[name].includes(key));
    if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys });
  });

/** For fields that change nothing with one value, and cannot be honoured with any other. */
const only = (value: string | number | boolean) =>
  orLeftOut(z.literal(value, `Must be ${JSON.stringify(value)}; anything else cannot be honoured here.`));

/** The same for lists. */
const empty = () => orLeftOut(z.array(z.unknown()).max(0, 'Must be empty; anything else cannot be honoured here.'));

const { modelName, batchSize, learningRate, networkDim, networkAlpha } = JobConfigSchema.shape;
const resolution = JobConfigSchema.shape.resolution.removeDefault();
const rank = networkDim.removeDefault();
const every = z.int().min(1).max(100_000);
const share = z.number().min(0).max(1);
const word = z.string().min(1).max(100);
const TYPES = { bf16: 'bf16', bfloat16: 'bf16', fp16: 'fp16', float16: 'fp16', fp32: 'fp32', float32: 'fp32' } as const;
const dtype = z
  .enum(Object.keys(TYPES) as [keyof typeof TYPES, ...(keyof typeof TYPES)[]])
  .transform((name) => TYPES[name]);

const NetworkSchema = section('network', {
  type: orLeftOut(z.enum(['lora', 'lokr'])),
  linear: orDefault(rank, networkDim.parse(undefined)),
  linear_alpha: orDefault(networkAlpha.removeDefault(), networkAlpha.parse(undefined)),
  conv: orLeftOut(rank),
  conv_alpha: orLeftOut(rank),
  lokr_factor: orLeftOut(z.int().min(-1).max(1024)),
  lokr_full_rank: orLeftOut(z.boolean()).describe('Without effect beside other types than `lokr`.'),
  dropout: orLeftOut(share.max(0.9)),
  network_kwargs: orLeftOut(z.strictObject({ ignore_if_contains: empty() })),
}).refine(({ type, lokr_full_rank }) => type !== 'lokr' || lokr_full_rank !== true, {
  path: ['lokr_full_rank'],
  message: 'Must be false with type "lokr"; anything else cannot be honoured here.',
});

const SaveSchema = section('save', {
  ...ignored(IGNORED.save),
  dtype: orLeftOut(dtype),
  save_every: orLeftOut(every),
  push_to_hub: only(false),
});

const MAX_RESOLUTIONS = 6;

const DatasetConfigSchema = section('datasets', {
  ...ignored(IGNORED.datasets),
  folder_path: CreateDatasetSchema.shape.path.describe('Folder below the data root: `/data/…` or `data/…`.'),
  caption_ext: orLeftOut(z.enum(['txt', '.txt'], 'Must be "txt": captions are text files here.')),
  caption_dropout_rate: orLeftOut(share),
  cache_latents_to_disk: orLeftOut(z.boolean()),
  num_repeats: orLeftOut(z.int().min(1).max(1000)),
  flip_x: orLeftOut(z.boolean()),
  resolution: orLeftOut(z.union([resolution, z.array(resolution).min(1).max(MAX_RESOLUTIONS)])),
  num_frames: only(1),
  controls: empty(),
  default_caption: only(''),
  mask_path: z.null('Must be null; anything else cannot be honoured here.').optional(),
  is_reg: only(false),
  network_weight: only(1),
  shuffle_tokens: only(false),
  token_dropout_rate: only(0),
  random_crop: only(false),
  flip_y: only(false),
});

type DatasetConfig = z.infer<typeof DatasetConfigSchema>;

const ONE_DATASET = 'Must be one dataset, with each resolution once; several entries may differ in `resolution` alone.';
/** What ai-toolkit takes where an entry names none. */
const DEFAULT_RESOLUTION = 512;

const resolutionsOf = ({ resolution }: DatasetConfig): number[] => [resolution ?? DEFAULT_RESOLUTION].flat();

/** All that has an effect besides the resolution. */
const effectOf = (dataset: DatasetConfig): string => {
  const counts = Object.keys(DatasetConfigSchema.shape).filter(
    (name) => name !== 'resolution' && !IGNORED.datasets.some((ignored) => ignored === name),
  );
  return JSON.stringify(counts.map((name) => dataset[name] ?? null));
};

function isOne(entries: readonly DatasetConfig[]): boolean {
  const resolutions = entries.flatMap(resolutionsOf);
  const areApart = entries.length === 1 || new Set(resolutions).size === resolutions.length;
  return new Set(entries.map(effectOf)).size === 1 && areApart && resolutions.length <= MAX_RESOLUTIONS;
}

/** One entry. ai-toolkit makes one for each resolution of a dataset; some configurations have them apart already. */
const DatasetsSchema = z
  .array(DatasetConfigSchema)
  .min(1, { error: ONE_DATASET, abort: true })
  .max(MAX_RESOLUTIONS, { error: ONE_DATASET, abort: true })
  .refine(isOne, ONE_DATASET)
  .transform((entries): [DatasetConfig] => {
    const [first] = entries as [DatasetConfig];
    return entries.length === 1 ? [first] : [{ ...first, resolution: entries.flatMap(resolutionsOf) }];
  });

/** Those of the optimizers that have any; they take no others here. */
const BETAS = orLeftOut(
  z
    .array(z.number())
    .refine((betas) => betas.join() === '0.9,0.999', 'Must be [0.9, 0.999]; others cannot be honoured here.'),
);

const EmaSchema = z.strictObject({
  use_ema: orLeftOut(z.boolean()),
  ema_decay: orLeftOut(share),
  use_feedback: only(false),
  param_multiplier: only(1),
});

const TrainSchema = section('train', {
  ...ignored(IGNORED.train),
  steps: orLeftOut(z.int().min(1).max(10_000_000)).describe('Bounds the session where `maxSteps` does not.'),
  batch_size: orDefault(batchSize.removeDefault(), batchSize.parse(undefined)),
  gradient_accumulation: orLeftOut(z.int().min(1).max(1024)),
  gradient_accumulation_steps: orLeftOut(z.int().min(1).max(1024)),
  // Loaders of YAML 1.1 leave `1e-4`, as the example has it, text.
  lr: orDefault(numberOrText(learningRate.removeDefault()), learningRate.parse(undefined)),
  optimizer: orLeftOut(word),
  optimizer_params: orLeftOut(z.strictObject({ weight_decay: orLeftOut(share), betas: BETAS })),
  lr_scheduler: orLeftOut(word),
  max_grad_norm: orLeftOut(z.number().positive().max(1000)),
  noise_offset: orLeftOut(share),
  min_snr_gamma: orLeftOut(z.number().positive().max(1000)),
  timestep_type: orLeftOut(word),
  dtype: orLeftOut(dtype),
  gradient_checkpointing: orLeftOut(z.boolean()),
  train_unet: only(true),
  train_text_encoder: orLeftOut(z.boolean()),
  cache_text_embeddings: orLeftOut(z.boolean()),
  unload_text_encoder: only(false),
  disable_sampling: orLeftOut(z.boolean()),
  content_or_style: only('balanced'),
  diff_output_preservation: only(false),
  switch_boundary_every: only(1),
  loss_type: only('mse'),
  ema_config: orLeftOut(EmaSchema),
});

const ModelSchema = section('model', {
  ...ignored(IGNORED.model),
  name_or_path: modelName,
  quantize: orLeftOut(z.boolean()),
  quantize_te: orLeftOut(z.boolean()),
  low_vram: orLeftOut(z.boolean()),
  qtype: only('qfloat8'),
  qtype_te: only('qfloat8'),
  model_kwargs: orLeftOut(z.strictObject({})),
  compile: only(false),
});

const prompt = z.string().max(2000);

const SampleSchema = section('sample', {
  ...ignored(IGNORED.sample),
  sample_every: orLeftOut(z.int().min(0).max(100_000)).describe('0: never.'),
  prompts: orLeftOut(z.array(prompt).max(16)),
  samples: orLeftOut(z.array(section('samples', { ...ignored(IGNORED.samples), prompt })).max(16)),
  neg: orLeftOut(z.string().max(2000)),
  guidance_scale: orLeftOut(z.number().min(0).max(30)),
  sample_steps: orLeftOut(z.int().min(1).max(150)),
});

const ProcessSchema = section('process', {
  ...ignored(IGNORED.process),
  type: z.enum(['sd_trainer', 'diffusion_trainer'], { error: saysMissing }),
  training_seed: orLeftOut(z.int().min(1).max(2_147_483_647)),
  trigger_word: orLeftOut(TriggerWordSchema),
  network: orDefault(NetworkSchema, {}),
  save: orDefault(SaveSchema, {}),
  datasets: DatasetsSchema,
  train: orDefault(TrainSchema, {}),
  model: ModelSchema,
  sample: orDefault(SampleSchema, {}),
});
export type ToolkitProcess = z.infer<typeof ProcessSchema>;

export const ToolkitConfigSchema = z.object({
  job: z.literal('extension', { error: saysMissing }),
  config: z.object({
    name: z.string().trim().min(1).max(100).describe('Names the job and the folder of its weights.'),
    process: z.array(ProcessSchema).length(1, 'Must be one process.'),
  }),
});
export type ToolkitConfig = z.infer<typeof ToolkitConfigSchema>;
