/** The middle of a list of numbers; the mean of the two middle ones when their count is even. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('No values.');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
}

/**
 * Measures two things in turn, A B B A A B …, so that slow drifts of the machine hit both alike.
 * @returns the figures of each, in the order in which they were taken
 */
export async function interleave(
  rounds: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<{ a: number[]; b: number[] }> {
  const figures = { a: [] as number[], b: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const);
    for (const side of order) figures[side].push(await (side === 'a' ? a() : b()));
  }
  return figures;
}
