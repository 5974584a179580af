import { describe, expect, it } from '@jest/globals';
import type { TrainingSpec } from '@influencerai/shared';
import { plannedSteps } from './planned-steps.js';

const spec = (trainer: string, examples: number, training: object): TrainingSpec =>
  ({
    trainer,
    dataset: { examples },
    training: { epochs: 3, maxSteps: null, batchSize: 2, gradientAccumulation: 4, ...training },
  }) as TrainingSpec;

describe(plannedSteps, () => {
  it.each<[string, number, object, number]>([
    ['trl', 17, {}, 9],
    ['trl', 1, {}, 3],
    ['tiny', 17, {}, 27],
    ['tiny', 0, {}, 3],
    ['trl', 17, { maxSteps: 10 }, 10],
    ['retrieval', 17, { maxSteps: 10 }, 17],
  ])('should count the steps of %s with %i rows and %j', (trainer, examples, training, steps) => {
    expect(plannedSteps(spec(trainer, examples, training))).toBe(steps);
  });
});
