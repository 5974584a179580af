import { CreateDatasetSchema, JobConfigSchema, TriggerWordSchema } from '@influencerai/shared';
import { z } from 'zod';

/*
 * The configuration of ai-toolkit, as its `get_job` takes it, as far as it can be honoured here. What is left out has the
 * default of the service's own configurations.
 */

/** Taken and not looked at, by the section they stand in; why is said in docs/dialects.md. */
export const IGNORED = {
  root: ['meta'],
  process: ['training_folder', 'device', 'performance_log_every', 'logging', 'sqlite_db_path'],
  save: ['max_step_saves_to_keep', 'save_format'],
  datasets: ['num_workers', 'cache_latents', 'mask_min_value'],
  train: [
    'noise_scheduler',
    'bypass_guidance_embedding',
    'skip_first_sample',
    'diff_output_preservation_multiplier',
    'diff_output_preservation_class',
  ],
  model: ['arch', 'is_flux', 'is_xl', 'is_v2', 'is_v3'],
  sample: ['sampler', 'width', 'height', 'seed', 'walk_seed', 'format', 'num_frames', 'fps'],
} as const;

const ignored = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, z.unknown().optional().describe('Ignored.')])) as Record<
    Name,
    z.ZodOptional<z.ZodUnknown>
  >;

/** For fields that change nothing with one value, and cannot be honoured with any other. */
const only = (value: string | number | boolean | null) =>
  z.literal(value, `Must be ${JSON.stringify(value)}; anything else cannot be honoured here.`).optional();

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

const NetworkSchema = z.strictObject({
  type: z.enum(['lora', 'lokr']).optional(),
  linear: networkDim,
  linear_alpha: networkAlpha,
  conv: rank.optional(),
  conv_alpha: rank.optional(),
  lokr_factor: z.int().min(-1).max(1024).optional(),
  lokr_full_rank: only(false),
  dropout: share.max(0.9).optional(),
});

const SaveSchema = z.strictObject({
  ...ignored(IGNORED.save),
  dtype: dtype.optional(),
  save_every: every.optional(),
  push_to_hub: only(false),
});

const DatasetConfigSchema = z.strictObject({
  ...ignored(IGNORED.datasets),
  folder_path: CreateDatasetSchema.shape.path.describe('Folder below the data root: `/data/…` or `data/…`.'),
  caption_ext: z.enum(['txt', '.txt'], 'Must be "txt": captions are text files here.').optional(),
  caption_dropout_rate: share.optional(),
  cache_latents_to_disk: z.boolean().optional(),
  num_repeats: z.int().min(1).max(1000).optional(),
  flip_x: z.boolean().optional(),
  resolution: z.union([resolution, z.array(resolution).min(1).max(6)]).optional(),
  default_caption: only(''),
  mask_path: only(null),
  is_reg: only(false),
  network_weight: only(1),
  shuffle_tokens: only(false),
  token_dropout_rate: only(0),
  random_crop: only(false),
  flip_y: only(false),
});

const TrainSchema = z.strictObject({
  ...ignored(IGNORED.train),
  steps: z.int().min(1).max(10_000_000).optional().describe('Bounds the session where `maxSteps` does not.'),
  batch_size: batchSize,
  gradient_accumulation: z.int().min(1).max(1024).optional(),
  gradient_accumulation_steps: z.int().min(1).max(1024).optional(),
  lr: learningRate,
  optimizer: word.optional(),
  optimizer_params: z.strictObject({ weight_decay: share.optional() }).optional(),
  lr_scheduler: word.optional(),
  max_grad_norm: z.number().positive().max(1000).optional(),
  noise_offset: share.optional(),
  min_snr_gamma: z.number().positive().max(1000).optional(),
  timestep_type: word.optional(),
  dtype: dtype.optional(),
  gradient_checkpointing: z.boolean().optional(),
  train_unet: only(true),
  train_text_encoder: z.boolean().optional(),
  cache_text_embeddings: z.boolean().optional(),
  unload_text_encoder: only(false),
  disable_sampling: z.boolean().optional(),
  content_or_style: only('balanced'),
  diff_output_preservation: only(false),
  ema_config: z.strictObject({ use_ema: only(false), ema_decay: z.number().optional() }).optional(),
});

const ModelSchema = z.strictObject({
  ...ignored(IGNORED.model),
  name_or_path: modelName,
  quantize: z.boolean().optional(),
  quantize_te: z.boolean().optional(),
  low_vram: z.boolean().optional(),
  qtype: only('qfloat8'),
  qtype_te: only('qfloat8'),
});

const prompt = z.string().max(2000);

const SampleSchema = z.strictObject({
  ...ignored(IGNORED.sample),
  sample_every: every.optional(),
  prompts: z.array(prompt).max(16).optional(),
  samples: z.array(z.strictObject({ prompt })).max(16).optional(),
  neg: z.string().max(2000).optional(),
  guidance_scale: z.number().min(0).max(30).optional(),
  sample_steps: z.int().min(1).max(150).optional(),
});

const ProcessSchema = z.strictObject({
  ...ignored(IGNORED.process),
  type: z.enum(['sd_trainer', 'diffusion_trainer']),
  training_seed: z.int().min(1).max(2_147_483_647).optional(),
  trigger_word: TriggerWordSchema.nullable().optional(),
  network: NetworkSchema.prefault({}),
  save: SaveSchema.prefault({}),
  datasets: z.array(DatasetConfigSchema).length(1, 'Must be one dataset.'),
  train: TrainSchema.prefault({}),
  model: ModelSchema,
  sample: SampleSchema.prefault({}),
});
export type ToolkitProcess = z.infer<typeof ProcessSchema>;

export const ToolkitConfigSchema = z.strictObject({
  ...ignored(IGNORED.root),
  job: z.literal('extension'),
  config: z.strictObject({
    name: z.string().trim().min(1).max(100).describe('Names the job and the folder of its weights.'),
    process: z.array(ProcessSchema).length(1, 'Must be one process.'),
  }),
});
export type ToolkitConfig = z.infer<typeof ToolkitConfigSchema>;
