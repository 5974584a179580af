import type { TrainingDefaults, UpdateTrainingDefaults, Worker } from '@influencerai/shared';
import { toStamp } from './manager.mapper.js';
import type { ManagerConfig, UpdateManagerConfig } from './manager-config.schema.js';
import { fromTrainingType, toTrainingType } from './manager-jobs.mapper.js';

export const toDefaults = (body: UpdateManagerConfig): UpdateTrainingDefaults => ({
  modelName: body.default_model,
  trainingType: body.default_training_type && toTrainingType(body.default_training_type),
  batchSize: body.default_batch_size,
  learningRate: body.default_learning_rate,
  epochs: body.default_epochs,
  networkDim: body.default_lora_r,
  networkAlpha: body.default_lora_alpha,
  loraDropout: body.default_lora_dropout,
  maxConcurrentWorkers: body.max_concurrent_workers,
  autoStartWorkers: body.auto_start_workers,
});

export const fromDefaults = (defaults: TrainingDefaults, workers: readonly Worker[]): ManagerConfig => ({
  id: 1,
  max_concurrent_workers: defaults.maxConcurrentWorkers,
  active_workers: workers.filter(({ status }) => status !== 'offline').length,
  default_model: defaults.modelName,
  default_training_type: fromTrainingType(defaults.trainingType),
  default_batch_size: defaults.batchSize,
  default_learning_rate: defaults.learningRate,
  default_epochs: defaults.epochs,
  default_lora_r: defaults.networkDim,
  default_lora_alpha: defaults.networkAlpha,
  default_lora_dropout: defaults.loraDropout,
  auto_start_workers: defaults.autoStartWorkers,
  created_at: toStamp(defaults.createdAt),
  updated_at: toStamp(defaults.updatedAt),
});
