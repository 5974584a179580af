import { describe, expect, it } from '@jest/globals';
import { countRows } from './mix-counts.js';

const parts = (...pairs: [rows: number, percentage: number][]) =>
  pairs.map(([rows, percentage]) => ({ rows, percentage }));

describe(countRows.name, () => {
  it.each([
    { of: parts([900, 50], [900, 30], [900, 20]), maxRows: 1000, counts: [500, 300, 200] },
    { of: parts([10, 100]), maxRows: 1000, counts: [10] },
    { of: parts([1000, 29], [1000, 71]), maxRows: 100, counts: [29, 71] },
    { of: parts([100, 33.33], [100, 33.33], [100, 33.34]), maxRows: 100, counts: [33, 33, 34] },
    { of: parts([100, 33.3], [100, 33.3], [100, 33.4]), maxRows: 2, counts: [1, 0, 1] },
  ])('should divide $maxRows rows', ({ of, maxRows, counts }) => {
    expect(countRows(of, maxRows)).toEqual(counts);
  });

  it('should shrink the whole rather than a share when a dataset has too few rows', () => {
    expect(countRows(parts([1_000_000, 50], [30, 30], [1_000_000, 20]), 1_000_000)).toEqual([50, 30, 20]);
  });

  it('should never ask for more rows than there are, nor for more than allowed', () => {
    for (let rows = 0; rows < 40; rows += 1) {
      for (let percentage = 1; percentage < 100; percentage += 1) {
        const of = parts([rows, percentage], [7, 100 - percentage]);
        const counts = countRows(of, 31);
        expect(counts.every((count, index) => count <= (of[index]?.rows ?? 0))).toBe(true);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(31);
      }
    }
  });
});
