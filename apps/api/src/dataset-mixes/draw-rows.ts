import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Rows of one source: `count` of the `total` that it yields. */
export interface Draw<Row> {
  rows: AsyncIterable<Row>;
  total: number;
  count: number;
}

/**
 * Draws `count` rows, each as likely as any other, in their order, in one pass and without keeping any (selection
 * sampling: Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S).
 */
export async function* sample<Row>({ rows, total, count }: Draw<Row>, random: RandomGenerator): AsyncGenerator<Row> {
  let [left, wanted] = [total, count];
  if (wanted === 0) return;
  for await (const row of rows) {
    if (left === 0) return;
    if (below(left, random) < wanted) {
      yield row;
      if (--wanted === 0) return;
    }
    left -= 1;
  }
}

/** Rows of all sources in one stream, thoroughly shuffled among each other; each source keeps its own order. */
export async function* interleave<Row>(draws: readonly Draw<Row>[], random: RandomGenerator): AsyncGenerator<Row> {
  const sources = draws.map((draw) => ({ left: draw.count, rows: sample(draw, random) }));
  try {
    let left = sources.reduce((sum, source) => sum + source.left, 0);
    for (; left > 0; left -= 1) {
      let ticket = below(left, random);
      const source = sources.find((one) => (ticket -= one.left) < 0);
      const next = await source?.rows.next();
      // A source that has fewer rows than it said ends the mix; whoever counts the rows notices.
      if (!source || !next || next.done) return;
      source.left -= 1;
      yield next.value;
    }
  } finally {
    await Promise.all(sources.map(({ rows }) => rows.return(undefined)));
  }
}

const below = (limit: number, random: RandomGenerator): number => uniformInt(random, 0, limit - 1);
