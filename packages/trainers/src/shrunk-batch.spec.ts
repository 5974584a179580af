import { describe, expect, it } from '@jest/globals';
import { aSpec } from '../test/builders.js';
import { shrunkBatch } from './shrunk-batch.js';

describe(shrunkBatch, () => {
  it.each([
    { batchSize: 8, halvings: 0, size: 8, accumulation: 2 },
    { batchSize: 8, halvings: 1, size: 4, accumulation: 4 },
    { batchSize: 8, halvings: 2, size: 2, accumulation: 8 },
    { batchSize: 9, halvings: 1, size: 3, accumulation: 6 },
    { batchSize: 5, halvings: 1, size: 1, accumulation: 10 },
    { batchSize: 1, halvings: 1, size: 1, accumulation: 2 },
  ])('should take $size × $accumulation for 2 × $batchSize, $halvings times', ({ batchSize, halvings, ...batch }) => {
    const spec = aSpec({ training: { batchSize, gradientAccumulation: 2 } });
    expect(shrunkBatch(spec, halvings)).toEqual(batch);
  });

  it('should show every step as many examples as were asked for', () => {
    for (let batchSize = 1; batchSize <= 64; batchSize += 1) {
      const { size, accumulation } = shrunkBatch(aSpec({ training: { batchSize, gradientAccumulation: 3 } }), 1);
      expect(size * accumulation).toBe(3 * batchSize);
      expect(size).toBeLessThanOrEqual(Math.max(1, batchSize / 2));
    }
  });
});
