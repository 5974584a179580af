import { describe, expect, it } from '@jest/globals';
import { TinyConfigSchema } from '../config.js';
import { learningRateAt, planSteps } from './schedule.js';

const training = (overrides: object) =>
  TinyConfigSchema.parse({
    kind: 'text',
    dataset: { rows: ['a'] },
    name: 'x',
    network: { dim: 4, alpha: 4 },
    training: { epochs: 20, batchSize: 2, learningRate: 1e-4, ...overrides },
  }).training;

describe(planSteps.name, () => {
  it('should round the last batch up', () => {
    expect(planSteps(training({}), 25)).toEqual({ stepsPerEpoch: 13, totalSteps: 260, totalEpochs: 20 });
  });

  it('should let maxSteps decide', () => {
    expect(planSteps(training({ maxSteps: 30 }), 25)).toEqual({ stepsPerEpoch: 13, totalSteps: 30, totalEpochs: 3 });
  });
});

describe(learningRateAt.name, () => {
  it('should rise over the warm-up and then fall', () => {
    const cosine = training({ lrScheduler: 'cosine', warmupSteps: 4 });
    expect(learningRateAt(cosine, 2, 100)).toBeCloseTo(5e-5, 10);
    expect(learningRateAt(cosine, 5, 100)).toBeCloseTo(1e-4, 10);
    expect(learningRateAt(cosine, 53, 100)).toBeCloseTo(5e-5, 10);
    expect(learningRateAt(cosine, 100, 100)).toBeLessThan(1e-6);
  });

  it('should stay or fall in a line', () => {
    expect(learningRateAt(training({}), 77, 100)).toBe(1e-4);
    expect(learningRateAt(training({ lrScheduler: 'linear' }), 51, 100)).toBeCloseTo(5e-5, 10);
  });
});
