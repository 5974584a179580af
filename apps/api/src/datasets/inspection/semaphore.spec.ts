import { describe, expect, it } from '@jest/globals';
import { mapConcurrently, Semaphore } from './semaphore.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Counts how many run at a time. */
function counter() {
  const state = { running: 0, most: 0 };
  const work = async <T>(value: T): Promise<T> => {
    state.most = Math.max(state.most, (state.running += 1));
    await turn();
    state.running -= 1;
    return value;
  };
  return { state, work };
}

describe(Semaphore.name, () => {
  it('should run at most so many at a time, and all of them', async () => {
    const { state, work } = counter();
    const semaphore = new Semaphore(3);
    const results = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((value) => semaphore.run(() => work(value))));
    expect([results, state.most, state.running]).toEqual([[1, 2, 3, 4, 5, 6, 7], 3, 0]);
  });

  it('should free the place of work that fails', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await semaphore.run(() => Promise.resolve('yes'))).toBe('yes');
  });
});

describe('mapConcurrently', () => {
  it('should keep the order of the items', async () => {
    const { state, work } = counter();
    expect(await mapConcurrently([5, 4, 3, 2, 1], 2, work)).toEqual([5, 4, 3, 2, 1]);
    expect(state.most).toBe(2);
  });

  it('should stop at the first failure', async () => {
    const seen: number[] = [];
    const work = async (item: number) => {
      seen.push(item);
      await turn();
      if (item === 1) throw new Error('no');
    };
    await expect(mapConcurrently([1, 2, 3, 4, 5, 6], 2, work)).rejects.toThrow('no');
    await turn();
    expect(seen.length).toBeLessThan(6);
  });
});
