import { availableParallelism, loadavg, totalmem } from 'node:os';
import type { Figure } from './row.ts';

/** Size of the machine, never its name. */
export const describeMachine = (): string =>
  `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node.split('.')[0]}, ` +
  `PostgreSQL 18; load at the end ${loadavg()[0]?.toFixed(1)}`;

/** The results as Markdown. */
export function renderResults(figures: readonly Figure[], machine: string): string {
  const rows = figures.map(
    ({ what, ours, baseline, figure, target, isReached }) =>
      `| ${what} | ${ours} | ${baseline} | ${figure} | ${target} | ${isReached ? 'reached' : 'missed'} |`,
  );
  return [
    '# Benchmark results',
    '',
    'Written by `bin/bench`. Medians of rounds that alternate between ours and the baseline in one run, so that the ratios hold on noisy machines; the',
    'absolute figures do not.',
    '',
    `Machine: ${machine}.`,
    '',
    '| what | ours | baseline | figure | target | verdict |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
