import type { TrainingSpec } from '@influencerai/shared';

/** What of a spec says how long it is. */
export interface PlannedSpec extends Pick<TrainingSpec, 'trainer' | 'training'> {
  dataset: Pick<TrainingSpec['dataset'], 'examples'>;
}

/**
 * Optimizer steps that a job will take, as far as its spec alone can tell: a trainer that packs rows or has several GPUs
 * takes fewer, and says so when it starts.
 */
export const plannedSteps = ({ trainer, training, dataset }: PlannedSpec): number => {
  const { epochs, maxSteps, batchSize, gradientAccumulation = 1 } = training;
  // An index takes each row once.
  if (trainer === 'retrieval') return Math.max(1, dataset.examples);
  if (maxSteps !== null) return maxSteps;
  const batches = Math.ceil(Math.max(1, dataset.examples) / batchSize);
  // tiny takes one batch per step.
  return epochs * Math.ceil(batches / (trainer === 'tiny' ? 1 : gradientAccumulation));
};
