/**
 * Does the work for every item, at most `lanes` at a time. After a failure nothing more is begun; it is thrown once all
 * that was begun has ended.
 */
export const inLanes = async <T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> => {
  const queue = items.values();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (hasFailed) return;
      await work(item);
    }
  };
  const guarded = (): Promise<void> => lane().catch((error: unknown) => ((hasFailed = true), Promise.reject(error)));
  const ends = await Promise.allSettled(Array.from({ length: lanes }, guarded));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
};
