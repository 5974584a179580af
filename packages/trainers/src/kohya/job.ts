import type { PlanContext } from '../trainer.js';
import type { Planned } from './plan.js';
import { optimizerArguments } from './choices.js';
import { DATASET_FILE } from './dataset.js';
import { PROMPTS_FILE } from './samples.js';
import { isShrunk, type KohyaSettings } from './settings.js';
import type { TomlValue } from './toml.js';

const KEPT_STATES = 2;
/** Processes that read pictures, or their caches, ahead of a GPU. */
const LOADERS = 2;

type Options = Record<string, TomlValue | undefined>;
type Rhythm = KohyaSettings['saveEvery'];

/** `job.toml`: options of the script by the names of its parser, in the types that it works with. */
export const jobOptions = (planned: Planned): Options => ({
  ...planned.base.options,
  ...outputOptions(planned),
  ...trainingOptions(planned),
  ...memoryOptions(planned),
  ...(planned.settings.full ? fullOptions(planned) : networkOptions(planned)),
  ...(planned.mode === 'gate' ? {} : undrivenOptions(planned)),
});

const outputOptions = ({ context, name, outputDir, prompts, settings }: Planned): Options => ({
  dataset_config: `${context.workspaceDir}/${DATASET_FILE}`,
  output_dir: `${context.workspaceDir}/${outputDir}`,
  output_name: name,
  save_model_as: 'safetensors',
  save_precision: settings.savePrecision,
  console_log_simple: true,
  ...(prompts.length > 0 && {
    sample_prompts: `${context.workspaceDir}/${PROMPTS_FILE}`,
    sample_sampler: 'ddim',
  }),
  max_data_loader_n_workers: loadersFor(settings, context),
});

/** What is in memory is handed over faster than a process starts; kohya starts them anew in each epoch. */
const loadersFor = ({ cachesLatents, caches }: KohyaSettings, { host }: PlanContext): number =>
  host.device === 'cuda' && (!cachesLatents || caches.isOnDisk) ? LOADERS : 0;

const trainingOptions = ({ spec, settings, steps, seed }: Planned): Options => ({
  ...(spec.training.maxSteps === null && !isShrunk({ spec, settings })
    ? { max_train_epochs: spec.training.epochs }
    : { max_train_steps: steps.total }),
  learning_rate: spec.training.learningRate,
  gradient_accumulation_steps: settings.batch.accumulation,
  optimizer_type: settings.optimizer.name,
  optimizer_args: optimizerArguments(settings.optimizer.name),
  lr_scheduler: settings.scheduler.name,
  lr_warmup_steps: settings.warmupSteps,
  lr_scheduler_num_cycles: settings.given.schedulerCycles,
  min_snr_gamma: settings.minSnrGamma,
  noise_offset: settings.noiseOffset,
  seed,
});

const memoryOptions = ({ settings, context }: Planned): Options => {
  const isXformers = settings.given.attention === 'xformers' && context.host.device === 'cuda';
  return {
    mixed_precision: settings.precision,
    gradient_checkpointing: settings.gradientCheckpointing,
    [isXformers ? 'xformers' : 'sdpa']: true,
    cache_latents: settings.cachesLatents,
    ...(settings.caches.isOnDisk && diskCaches(settings)),
  };
};

/** kohya writes them beside the pictures, which are links in the job's own folder. */
const diskCaches = ({ cachesLatents, cachesText }: KohyaSettings): Options => ({
  cache_latents_to_disk: cachesLatents || undefined,
  cache_text_encoder_outputs_to_disk: cachesText || undefined,
});

const networkOptions = ({ spec, settings, base }: Planned): Options => ({
  metadata_trigger_phrase: spec.dataset.triggerWords?.join(', '),
  network_module: base.traits.networkModule,
  network_dim: spec.network.dim,
  network_alpha: spec.network.alpha,
  network_args: settings.method === 'locon' ? convolutions(spec.network, settings.given) : undefined,
  network_dropout: settings.given.networkDropout,
  scale_weight_norms: settings.given.scaleWeightNorms,
  network_train_unet_only: !settings.trainsTextEncoder,
  unet_lr: settings.given.unetLearningRate,
  text_encoder_lr: settings.trainsTextEncoder ? listOf(settings.given.textEncoderLearningRate) : undefined,
  cache_text_encoder_outputs: settings.cachesText || undefined,
  blocks_to_swap: settings.blocksToSwap,
  ...(settings.fp8 && { [settings.fp8]: true }),
});

const listOf = (rate: number | undefined): number[] | undefined => (rate === undefined ? undefined : [rate]);

const convolutions = (
  network: { dim: number; alpha: number },
  { convDim = network.dim, convAlpha = network.alpha }: { convDim?: number; convAlpha?: number },
): string[] => [`conv_dim=${convDim}`, `conv_alpha=${convAlpha}`];

const fullOptions = ({ settings: { full, given, trainsTextEncoder } }: Planned): Options => {
  if (!full) return {};
  // The script without a switch trains it unless it is told to stop before the first step.
  if (!trainsTextEncoder) return full.textSwitch ? {} : { stop_text_encoder_training: -1 };
  const rate = given.textEncoderLearningRate;
  return {
    ...(full.textSwitch && { [full.textSwitch]: true }),
    ...(full.textRate ? { [full.textRate]: rate } : { learning_rate_te1: rate, learning_rate_te2: rate }),
  };
};

/** What the driver does by itself in a gated run. */
const undrivenOptions = (planned: Planned): Options => {
  const { settings, prompts } = planned;
  return {
    save_every_n_epochs: toKohyaEpochs(settings.saveEvery, planned),
    ...(prompts.length > 0 &&
      (settings.sampleEvery.steps === undefined
        ? { sample_every_n_epochs: toKohyaEpochs(settings.sampleEvery, planned) }
        : { sample_every_n_steps: settings.sampleEvery.steps })),
    save_state: true,
    save_last_n_epochs_state: KEPT_STATES,
  };
};

const toKohyaEpochs = ({ steps, epochs = 1 }: Rhythm, { steps: { perEpoch }, kohyaPerEpoch }: Planned): number =>
  Math.max(1, Math.round((steps ?? epochs * perEpoch) / kohyaPerEpoch));
