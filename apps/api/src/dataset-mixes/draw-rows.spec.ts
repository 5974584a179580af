import { describe, expect, it } from '@jest/globals';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { interleave, sample } from './draw-rows.js';

async function* numbers(from: number, count: number): AsyncGenerator<number> {
  for (let row = from; row < from + count; row += 1) yield await Promise.resolve(row);
}

const drawOf = (from: number, total: number, count: number) => ({ rows: numbers(from, total), total, count });

async function toArray<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

const sampled = (total: number, count: number, seed: number) =>
  toArray(sample(drawOf(0, total, count), xoroshiro128plus(seed)));

describe(sample.name, () => {
  it.each([
    [100, 0],
    [100, 1],
    [100, 37],
    [100, 100],
    [1, 1],
  ])('should draw of %i rows exactly %i, each once and in their order', async (total, count) => {
    const rows = await sampled(total, count, 1);
    expect(rows).toHaveLength(count);
    expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
  });

  it('should draw the same with the same seed, and others with another', async () => {
    expect(await sampled(1000, 50, 1)).toEqual(await sampled(1000, 50, 1));
    expect(await sampled(1000, 50, 1)).not.toEqual(await sampled(1000, 50, 2));
  });

  it('should prefer no row', async () => {
    const hits = Array<number>(20).fill(0);
    for (let seed = 0; seed < 2000; seed += 1) {
      for (const row of await sampled(20, 5, seed)) hits[row] = (hits[row] ?? 0) + 1;
    }
    // 500 of each are expected; the standard deviation is 19.
    expect(Math.min(...hits)).toBeGreaterThan(500 - 5 * 19);
    expect(Math.max(...hits)).toBeLessThan(500 + 5 * 19);
  });
});

describe(interleave.name, () => {
  const mixed = (seed: number) =>
    toArray(interleave([drawOf(0, 900, 500), drawOf(1000, 300, 300), drawOf(2000, 900, 200)], xoroshiro128plus(seed)));

  it('should take as many of each as asked for', async () => {
    const rows = await mixed(3);
    const count = (from: number) => rows.filter((row) => row >= from && row < from + 1000).length;
    expect([count(0), count(1000), count(2000)]).toEqual([500, 300, 200]);
  });

  it('should spread each over the whole', async () => {
    const half = (await mixed(3)).slice(0, 500);
    // 250 of 500 are expected; the standard deviation is 8.
    expect(Math.abs(half.filter((row) => row < 1000).length - 250)).toBeLessThan(5 * 8);
  });

  it('should end when a source has fewer rows than it said, and close the others', async () => {
    let isClosed = false;
    async function* endless() {
      try {
        for (let row = 0; ; row += 1) yield await Promise.resolve(row);
      } finally {
        isClosed = true;
      }
    }
    const short = { rows: numbers(0, 10), total: 50, count: 50 };
    const rows = await toArray(interleave([short, { rows: endless(), total: 1000, count: 50 }], xoroshiro128plus(0)));
    expect([rows.length < 100, isClosed]).toEqual([true, true]);
  });
});
