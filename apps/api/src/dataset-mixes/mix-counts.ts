/** A part of a mix: how many rows there are to draw from, and how much of the mix they are to make up. */
export interface Part {
  rows: number;
  percentage: number;
}

/**
 * How many rows each part gives. The total is the largest that keeps the percentages without taking a row twice and
 * without exceeding `maxRows`; what rounding leaves goes to the largest remainders (Hamilton's method).
 */
export function countRows(parts: readonly Part[], maxRows: number): number[] {
  const whole = parts.reduce((sum, { percentage }) => sum + percentage, 0);
  const shares = parts.map(({ percentage }) => percentage / whole);
  const total = Math.min(maxRows, ...parts.map(({ rows }, index) => floor(rows / (shares[index] ?? 1))));
  const counts = shares.map((share) => floor(total * share));
  const remainder = (index: number) => total * (shares[index] ?? 0) - (counts[index] ?? 0);
  const missing = total - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = [...counts.keys()].sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const index of byRemainder.slice(0, missing)) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

/** 29 of 100 rows are 28.999999999999996 where they are reckoned in floating point. */
const floor = (value: number): number => Math.floor(value + 1e-6);
