import type { System } from './system.ts';

/** One line of the results. */
export interface Figure {
  what: string;
  ours: string;
  baseline: string;
  /** The figure that the target is about. */
  figure: string;
  target: string;
  isReached: boolean;
}

export interface Options {
  /** Fewer and shorter rounds: to try the benchmark rather than to quote it. */
  isQuick: boolean;
  say: (text: string) => void;
}

export interface Row {
  name: string;
  about: string;
  measure: (system: System, options: Options) => Promise<Figure[]>;
}
