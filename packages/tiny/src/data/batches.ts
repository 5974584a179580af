import { keyedRandom, permutation } from '../random.js';

export const stepsPerEpoch = (examples: number, batchSize: number): number => Math.ceil(examples / batchSize);

/**
 * Which examples a step sees. Every epoch shuffles anew; its last batch is filled up from the epoch's start, so that all
 * batches have one shape. A pure function of seed and step.
 * @param step 1 for the first step
 */
export const batchIndices = (options: { seed: number; step: number; examples: number; batchSize: number }): number[] => {
  const { seed, step, examples, batchSize } = options;
  const perEpoch = stepsPerEpoch(examples, batchSize);
  const epoch = Math.floor((step - 1) / perEpoch);
  const order = permutation(examples, keyedRandom('order', seed, epoch));
  const first = ((step - 1) % perEpoch) * batchSize;
  return Array.from({ length: batchSize }, (_, i) => order[(first + i) % examples] as number);
};
