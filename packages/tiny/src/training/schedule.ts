import type { TinyConfig } from '../config.js';
import { stepsPerEpoch } from '../data/batches.js';

/**
 * Customers give learning rates for models a thousand times this size, trained for thousands of steps. The toy takes them
 * times this factor; events report the customer's figure, the weights' metadata the factor.
 */
export const LEARNING_RATE_SCALE = 80;

export interface Plan {
  stepsPerEpoch: number;
  totalSteps: number;
  totalEpochs: number;
}

export const planSteps = ({ epochs, maxSteps, batchSize }: TinyConfig['training'], examples: number): Plan => {
  const perEpoch = stepsPerEpoch(examples, batchSize);
  const totalSteps = maxSteps ?? epochs * perEpoch;
  return { stepsPerEpoch: perEpoch, totalSteps, totalEpochs: Math.ceil(totalSteps / perEpoch) };
};

/** The customer's learning rate at a step (1 for the first): linear warm-up, then the chosen decay. */
export const learningRateAt = (
  { learningRate, lrScheduler, warmupSteps }: TinyConfig['training'],
  step: number,
  totalSteps: number,
): number => {
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = (step - 1 - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  if (lrScheduler === 'linear') return learningRate * (1 - progress);
  if (lrScheduler === 'cosine') return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
  return learningRate;
};
