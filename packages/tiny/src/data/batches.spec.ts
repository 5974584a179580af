import { describe, expect, it } from '@jest/globals';
import { batchIndices } from './batches.js';

describe(batchIndices.name, () => {
  const epochOf = (epoch: number): number[] =>
    [1, 2, 3].flatMap((step) => batchIndices({ seed: 1, step: epoch * 3 + step, examples: 5, batchSize: 2 }));

  it('should show every example in an epoch and fill the last batch up', () => {
    const seen = epochOf(0);
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(5);
  });

  it('should shuffle every epoch anew, and the same step the same way', () => {
    expect(epochOf(1)).not.toEqual(epochOf(0));
    expect(epochOf(1)).toEqual(epochOf(1));
  });
});
