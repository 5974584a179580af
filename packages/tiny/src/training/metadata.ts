import type { TinyConfig } from '../config.js';
import { BASE_MODELS } from '../model/base-file.js';
import { LEARNING_RATE_SCALE, type Plan } from './schedule.js';

/** What kohya's scripts write into a LoRA's header, as far as it applies, and that it was the toy that trained it. */
export const trainingMetadata = (
  config: TinyConfig,
  run: { plan: Plan; examples: number; step: number; epoch: number; startedAt: string },
): Record<string, string> => {
  const { name, kind, network, training } = config;
  const { plan, examples, step, epoch, startedAt } = run;
  return {
    ...config.metadata,
    ss_trainer: 'tiny',
    ss_base_model_version: BASE_MODELS[kind],
    ss_output_name: name,
    ss_network_module: 'networks.lora',
    ss_network_dim: String(network.dim),
    ss_network_alpha: String(network.alpha),
    ss_learning_rate: String(training.learningRate),
    ss_learning_rate_scale: String(LEARNING_RATE_SCALE),
    ss_lr_scheduler: training.lrScheduler,
    ss_lr_warmup_steps: String(training.warmupSteps),
    ss_optimizer: 'AdamW',
    ss_min_snr_gamma: String(training.minSnrGamma ?? 'None'),
    ss_seed: String(training.seed),
    ss_batch_size_per_device: String(training.batchSize),
    [kind === 'image' ? 'ss_num_train_images' : 'ss_num_train_rows']: String(examples),
    ss_num_batches_per_epoch: String(plan.stepsPerEpoch),
    ss_num_epochs: String(plan.totalEpochs),
    ss_max_train_steps: String(plan.totalSteps),
    ss_epoch: String(epoch),
    ss_steps: String(step),
    ss_training_started_at: startedAt,
  };
};
