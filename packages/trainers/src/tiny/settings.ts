import type { TrainingSpec } from '@influencerai/shared';
import type { TinyConfig } from './config.js';

const CHECKPOINTS_PER_JOB = 4;
const MAX_STEP_DELAY_MS = 1000;

type Scheduler = TinyConfig['training']['lrScheduler'];

const SCHEDULERS: Record<string, { name: Scheduler; reason?: string }> = {
  constant: { name: 'constant' },
  cosine: { name: 'cosine' },
  linear: { name: 'linear' },
  constant_with_warmup: { name: 'constant' },
  cosine_with_restarts: { name: 'cosine', reason: 'tiny has no restarts; it anneals once.' },
  polynomial: { name: 'linear', reason: 'tiny has no polynomial schedule; linear is the nearest.' },
};

/** The schedule that tiny runs, and why it is not the one asked for. */
export const schedulerFor = (spec: TrainingSpec): { name: Scheduler; reason?: string } => {
  const asked = spec.training.lrScheduler.toLowerCase();
  if (Object.hasOwn(SCHEDULERS, asked)) return SCHEDULERS[asked]!;
  return { name: 'constant', reason: `tiny does not know the schedule "${spec.training.lrScheduler}".` };
};

/** Every fourth of the epochs, unless `saveEveryEpochs` says otherwise. */
export const checkpointEveryEpochs = (spec: TrainingSpec): number =>
  wholeNumber(spec.extra['saveEveryEpochs'], 1, 1000) ?? Math.ceil(epochsOf(spec) / CHECKPOINTS_PER_JOB);

/** As many as the steps make where the steps decide. */
function epochsOf({ training: { epochs, maxSteps, batchSize }, dataset }: TrainingSpec): number {
  if (maxSteps === null) return epochs;
  return Math.ceil(maxSteps / Math.ceil(Math.max(1, dataset.examples) / batchSize));
}

/** Slows a run down for trying out clients; bounded, so that it cannot hold a slot for long. */
export const stepDelayMs = (spec: TrainingSpec): number | undefined =>
  wholeNumber(spec.extra['stepDelayMs'], 0, MAX_STEP_DELAY_MS);

/** Steps over which the learning rate rises. */
export const warmupSteps = (spec: TrainingSpec): number | undefined =>
  wholeNumber(spec.extra['warmupSteps'], 0, 1_000_000);

const wholeNumber = (value: unknown, min: number, max: number): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(max, Math.max(min, Math.round(value))) : undefined;
