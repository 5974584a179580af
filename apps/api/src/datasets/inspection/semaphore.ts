/** Lets at most `limit` pieces of work run at a time; the others wait in the order in which they came. */
export class Semaphore {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      // The place passes to the next one, so that nobody can slip in between.
      if (next) next();
      else this.running -= 1;
    }
  }
}

/** A {@link Semaphore} for each key: whoever has much work waits for nobody but himself. */
export class KeyedSemaphore {
  private readonly used = new Map<string, { semaphore: Semaphore; users: number }>();

  constructor(private readonly limit: number) {}

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.used.get(key) ?? { semaphore: new Semaphore(this.limit), users: 0 };
    this.used.set(key, entry);
    entry.users += 1;
    try {
      return await entry.semaphore.run(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.used.delete(key);
    }
  }
}

/** Like `Promise.all(items.map(work))`, with at most `limit` at a time. The first failure ends it. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const entries = items.entries();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (hasFailed) return;
      results[index] = await work(item);
    }
  };
  const guarded = () => lane().catch((error: unknown) => ((hasFailed = true), Promise.reject(error)));
  await Promise.all(Array.from({ length: limit }, guarded));
  return results;
}
