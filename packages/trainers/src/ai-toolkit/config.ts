import type { TrainingSpec } from '@influencerai/shared';
import { basename } from 'node:path/posix';
import type { PlanContext } from '../trainer.js';
import type { Settings } from './settings.js';

/** `driver.json`, as `drivers/influencerai_drivers/ai_toolkit_config.py` reads it. */
export interface AiToolkitDriverConfig {
  /** The trainer's own configuration, as an object: only files are searched for `${NAME}`. */
  job: AiToolkitJob;
  /** Base name of the published weights. */
  publishName: string;
  startStep: number;
  totalSteps: number;
  totalEpochs: number;
  stepsPerEpoch: number;
  saveEverySteps: number;
  sampleEverySteps: number;
  resumeFrom?: string;
  /** Waits for grants; otherwise all steps are authorised. */
  isBudgeted?: boolean;
}

type Section = Readonly<Record<string, unknown>>;

export interface AiToolkitProcess {
  type: 'sd_trainer';
  training_folder: string;
  training_seed: number;
  trigger_word: string | null;
  network: Section;
  save: Section;
  datasets: Section[];
  train: Section;
  model: Section;
  logging: Section;
  sample: Section;
}

export interface AiToolkitJob {
  job: 'extension';
  config: { name: string; process: [AiToolkitProcess] };
  meta: Record<string, string>;
}

/** Folder of the job's own links and captions; the trainer writes its caches there. */
export const DATASET_DIR = 'dataset';
const TRAINING_DIR = 'training';
/** A sample has this many pixels a side at most, and a multiple of the second number. */
const LARGEST_SAMPLE = 2048;
const SAMPLE_GRAIN = 16;
const LOADER_PROCESSES = 2;

/** The configuration of one job. All of it ends up in the log, so nothing in it is secret. */
export const jobFor = (spec: TrainingSpec, context: PlanContext, settings: Settings): AiToolkitJob => ({
  job: 'extension',
  config: { name: nameFor(context), process: [processFor(context, settings)] },
  meta: metadataFor(spec, context),
});

/** The trainer seeks its files by patterns that start with the name; this one has no character that a pattern reads. */
const nameFor = ({ jobId }: PlanContext): string => `job-${basename(jobId).replace(/[^A-Za-z0-9-]/g, '')}`;

const processFor = (context: PlanContext, settings: Settings): AiToolkitProcess => ({
  type: 'sd_trainer',
  training_folder: `${context.workspaceDir}/${TRAINING_DIR}`,
  training_seed: settings.seed,
  trigger_word: settings.triggerWord,
  network: networkSection(settings),
  // Saving and sampling is the driver's, at exact steps. The trainer keeps its newest save only.
  save: { dtype: settings.savePrecision, save_every: 0, max_step_saves_to_keep: 1, save_format: 'diffusers' },
  datasets: [datasetSection(context, settings)],
  train: trainSection(settings),
  model: modelSection(settings),
  logging: { log_every: 1, use_ui_logger: true },
  sample: sampleSection(settings),
});

const networkSection = ({ network, read, base }: Settings): Section => ({
  type: network.type,
  linear: network.dim,
  linear_alpha: network.isAlphaIgnored ? network.dim : network.alpha,
  ...(network.conv && { conv: network.conv.dim, conv_alpha: network.conv.alpha }),
  ...(network.type === 'lokr' && { lokr_full_rank: false, lokr_factor: read.lokrFactor ?? -1 }),
  ...(read.networkDropout !== undefined && { dropout: read.networkDropout }),
  ...base.arch.network,
});

const datasetSection = ({ workspaceDir, host }: PlanContext, settings: Settings): Section => ({
  folder_path: `${workspaceDir}/${DATASET_DIR}`,
  caption_ext: 'txt',
  resolution: settings.resolutions,
  caption_dropout_rate: settings.captionDropoutRate,
  cache_latents_to_disk: settings.read.cacheLatentsToDisk ?? true,
  num_repeats: settings.read.numRepeats ?? 1,
  flip_x: settings.read.flipX ?? false,
  num_workers: host.device === 'cuda' ? LOADER_PROCESSES : 0,
});

const trainSection = (settings: Settings): Section => ({
  steps: settings.steps.total,
  batch_size: settings.batch.size,
  gradient_accumulation: settings.batch.accumulation,
  lr: settings.learningRate.value,
  optimizer: settings.optimizer.name,
  optimizer_params: { ...(settings.read.weightDecay !== undefined && { weight_decay: settings.read.weightDecay }) },
  lr_scheduler: settings.scheduler.name,
  lr_scheduler_params: settings.scheduler.params,
  max_grad_norm: settings.read.maxGradNorm ?? 1,
  noise_scheduler: samplerFor(settings),
  ...timesteps(settings),
  dtype: settings.precision,
  gradient_checkpointing: settings.read.gradientCheckpointing ?? true,
  train_unet: true,
  train_text_encoder: settings.trainTextEncoder,
  cache_text_embeddings: settings.read.cacheTextEmbeddings ?? false,
  ...(settings.read.emaDecay !== undefined && {
    ema_config: { use_ema: true, ema_decay: settings.read.emaDecay },
  }),
  skip_first_sample: true,
  disable_sampling: settings.prompts.length === 0,
  ...settings.base.arch.train,
});

const samplerFor = ({ base }: Settings): string => (base.arch.isEpsilon ? 'ddpm' : 'flowmatch');

const timesteps = ({ base: { arch }, read, minSnrGamma }: Settings): Section =>
  arch.isEpsilon
    ? { noise_offset: read.noiseOffset ?? 0, ...(minSnrGamma !== undefined && { min_snr_gamma: minSnrGamma }) }
    : { timestep_type: read.timestepType ?? arch.timestepType ?? 'sigmoid' };

const modelSection = ({ base, quantize, quantizeTextEncoder, read }: Settings): Section => ({
  name_or_path: base.path,
  arch: base.archName,
  quantize,
  quantize_te: quantizeTextEncoder,
  low_vram: read.lowVram ?? base.lowVram,
  ...base.arch.model,
});

const sampleSection = (settings: Settings): Section => {
  const { base, read, prompts, seed } = settings;
  const side = sampleSide(settings);
  return {
    sampler: samplerFor(settings),
    sample_every: 0,
    width: side,
    height: side,
    samples: prompts.map((prompt) => ({ prompt })),
    // Its default is `False`, which strict tokenizers refuse.
    neg: negativePrompt(read.negativePrompt),
    seed,
    walk_seed: true,
    guidance_scale: read.guidanceScale ?? base.arch.guidanceScale,
    sample_steps: read.sampleSteps ?? base.arch.sampleSteps,
  };
};

const negativePrompt = (text: string | undefined): string => (text ?? '').replaceAll('[name]', '(name)');

const sampleSide = ({ resolutions }: Settings): number =>
  Math.max(64, Math.floor(Math.min(LARGEST_SAMPLE, Math.max(...resolutions)) / SAMPLE_GRAIN) * SAMPLE_GRAIN);

/** Goes into the header of every file of weights; `[name]` would become the name of the job. */
const metadataFor = (spec: TrainingSpec, context: PlanContext): Record<string, string> => ({
  job_id: context.jobId,
  attempt: String(context.attempt),
  trainer: 'ai-toolkit',
  requested_trainer: spec.requestedTrainer,
  requested_base_model: spec.baseModel,
  dataset_digest: spec.dataset.digest ?? '',
  trigger_word: spec.dataset.triggerWord ?? '',
});
