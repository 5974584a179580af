import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { batchesPerEpoch } from './buckets.js';

interface Case {
  resolution: number;
  min: number;
  max: number;
  step: number;
  repeats: number;
  batchSize: number;
  sizes: [width: number, height: number][];
  /** Counted by kohya itself; `scripts/kohya_check.py` does it again. */
  batches: number;
}

const CASES = JSON.parse(readFileSync(new URL('buckets.cases.json', import.meta.url), 'utf8')) as Case[];
const SQUARE = { resolution: 512, enabled: true, min: 256, max: 1024, step: 64 };
const pictures = (sizes: Case['sizes']) => sizes.map(([width, height]) => ({ width, height }));

describe(batchesPerEpoch, () => {
  it.each(CASES)('should count as kohya does: $batches batches at $resolution, steps of $step', (one) => {
    expect(batchesPerEpoch(pictures(one.sizes), { ...one, enabled: true }, one)).toBe(one.batches);
  });

  it('should put all pictures into one bucket where there are no others', () => {
    const sizes = pictures([
      [100, 900],
      [900, 100],
      [500, 500],
    ]);
    expect(batchesPerEpoch(sizes, { ...SQUARE, enabled: false }, { repeats: 1, batchSize: 2 })).toBe(2);
  });
});
