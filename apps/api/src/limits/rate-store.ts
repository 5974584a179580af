/** What was counted under a key. */
export interface Hits {
  count: number;
  /** Until the count begins anew. */
  resetMs: number;
}

/**
 * Counts in windows that begin with the first hit, in a store that all replicas of the API share. The clock is the
 * store's, so that replicas whose clocks differ agree on when a window ends.
 */
export abstract class RateStore {
  /** Adds one, and says how many there are with it. Hits that come together are counted one after the other. */
  abstract hit(key: string, windowMs: number): Promise<Hits>;

  /** Only looks; undefined when no window runs. */
  abstract look(key: string): Promise<Hits | undefined>;
}
