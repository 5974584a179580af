import type { TrainingSpec } from '@influencerai/shared';

/** What a device computes at once, and how often before the weights are updated. */
export interface Batch {
  size: number;
  accumulation: number;
}

/**
 * The batch after running out of memory so many times: half of it each time, or the next smaller number that divides it,
 * with as much more accumulation. A step sees exactly as many examples as was asked for.
 */
export const shrunkBatch = ({ training }: TrainingSpec, halvings: number): Batch => {
  let size = Math.max(1, Math.floor(training.batchSize / 2 ** halvings));
  while (training.batchSize % size !== 0) size -= 1;
  return { size, accumulation: (training.batchSize / size) * training.gradientAccumulation };
};
