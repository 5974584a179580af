import type { TrainingSpec } from '@influencerai/shared';
import { mapShared } from '../map-shared.js';
import type { FieldMapping } from '../trainer.js';
import type { TinyConfig } from './config.js';
import { checkpointEveryEpochs, schedulerFor, stepDelayMs, warmupSteps } from './settings.js';

/** Tells for each field of the spec what became of it. */
export const mapFields = (spec: TrainingSpec, config: TinyConfig): FieldMapping[] => [
  baseModel(spec),
  exact('dataset', config.kind === 'image' ? 'dataset.images' : 'dataset.rows'),
  exact('dataset.triggerWord', 'metadata.trigger_word'),
  outputName(spec, config),
  exact('network.dim', `network.dim=${spec.network.dim}`),
  exact('network.alpha', `network.alpha=${spec.network.alpha}`),
  epochs(spec),
  exact('training.maxSteps', `training.maxSteps=${spec.training.maxSteps ?? 'unset'}`),
  exact('training.batchSize', `training.batchSize=${spec.training.batchSize}`),
  gradientAccumulation(spec),
  learningRate(spec),
  resolution(spec),
  optimizer(spec),
  lrScheduler(spec),
  minSnrGamma(spec),
  exact('training.seed', `training.seed=${spec.training.seed}`),
  samplePrompts(spec, config),
  ...mapShared(spec),
  ...Object.keys(spec.extra).map((key) => extra(spec, key)),
];

const exact = (field: string, to: string): FieldMapping => ({ field, how: 'exact', to });

const baseModel = (spec: TrainingSpec): FieldMapping =>
  spec.requestedTrainer === 'tiny'
    ? exact('baseModel', `kind=${spec.kind}`)
    : {
        field: 'baseModel',
        how: 'dropped',
        reason: `tiny trains its own small base; ${spec.baseModel} is not touched, and the weights do not fit it.`,
      };

const outputName = (spec: TrainingSpec, config: TinyConfig): FieldMapping => {
  const to = `name=${config.name}`;
  if (config.name === spec.output.name) return exact('output.name', to);
  return { field: 'output.name', how: 'approximated', to, reason: 'A file name starts with a letter or a digit.' };
};

const epochs = ({ training }: TrainingSpec): FieldMapping => {
  const to = `training.epochs=${training.epochs}`;
  if (training.maxSteps === null) return exact('training.epochs', to);
  return { field: 'training.epochs', how: 'approximated', to, reason: 'maxSteps decides how long it trains.' };
};

const gradientAccumulation = ({ training }: TrainingSpec): FieldMapping => {
  const field = 'training.gradientAccumulation';
  if (training.gradientAccumulation === 1) return exact(field, 'unset');
  return { field, how: 'dropped', reason: 'tiny takes one batch per step.' };
};

const learningRate = ({ training }: TrainingSpec): FieldMapping => ({
  field: 'training.learningRate',
  how: 'approximated',
  to: `training.learningRate=${training.learningRate}`,
  reason:
    'tiny takes a fixed multiple of it, since its network is small; the weights name the factor (ss_learning_rate_scale).',
});

const resolution = (spec: TrainingSpec): FieldMapping =>
  spec.kind === 'image'
    ? { field: 'training.resolution', how: 'dropped', reason: 'tiny scales every picture to the size of its own base.' }
    : { field: 'training.resolution', how: 'dropped', reason: 'Text has no resolution.' };

const optimizer = (spec: TrainingSpec): FieldMapping => {
  const to = 'training.optimizer=AdamW';
  if (spec.training.optimizer.toLowerCase() === 'adamw') return exact('training.optimizer', to);
  return { field: 'training.optimizer', how: 'approximated', to, reason: 'tiny has AdamW only.' };
};

const lrScheduler = (spec: TrainingSpec): FieldMapping => {
  const { name, reason } = schedulerFor(spec);
  const to = `training.lrScheduler=${name}`;
  return reason
    ? { field: 'training.lrScheduler', how: 'approximated', to, reason }
    : exact('training.lrScheduler', to);
};

const minSnrGamma = (spec: TrainingSpec): FieldMapping => {
  const { minSnrGamma: gamma } = spec.training;
  if (gamma !== null && gamma <= 0) {
    return { field: 'training.minSnrGamma', how: 'dropped', reason: 'It must be greater than 0.' };
  }
  if (spec.kind === 'image' || gamma === null) {
    return exact('training.minSnrGamma', `training.minSnrGamma=${gamma ?? 'unset'}`);
  }
  return { field: 'training.minSnrGamma', how: 'dropped', reason: 'It weighs noise levels, which text does not have.' };
};

const samplePrompts = (spec: TrainingSpec, config: TinyConfig): FieldMapping => {
  const to = `samples.prompts (${config.samples.prompts.length})`;
  if (spec.samples.prompts !== null) return exact('samples.prompts', to);
  return {
    field: 'samples.prompts',
    how: 'approximated',
    to,
    reason: 'None were given, so examples of the dataset are used.',
  };
};

const EXTRA = {
  saveEveryEpochs: { to: 'checkpoint.everyEpochs', read: checkpointEveryEpochs },
  stepDelayMs: { to: 'stepDelayMs', read: stepDelayMs },
  warmupSteps: { to: 'training.warmupSteps', read: warmupSteps },
} as const;

const extra = (spec: TrainingSpec, key: string): FieldMapping => {
  const field = `extra.${key}`;
  if (!Object.hasOwn(EXTRA, key)) return { field, how: 'dropped', reason: 'tiny does not know it.' };
  const { to, read } = EXTRA[key as keyof typeof EXTRA];
  const value = read(spec);
  if (value === spec.extra[key]) return exact(field, `${to}=${value}`);
  if (value === undefined || typeof spec.extra[key] !== 'number') {
    return { field, how: 'dropped', reason: 'It must be a whole number.' };
  }
  return { field, how: 'approximated', to: `${to}=${value}`, reason: 'It lies outside what tiny accepts.' };
};
