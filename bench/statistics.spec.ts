import { describe, expect, it } from '@jest/globals';
import { interleave, median } from './statistics.ts';

describe('statistics', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[7], 7],
  ])('should take the middle of %j', (values, middle) => expect(median(values)).toBe(middle));

  it('should refuse an empty list', () => expect(() => median([])).toThrow('No values.'));

  it('should take turns in who goes first', async () => {
    const calls: string[] = [];
    const side = (name: string) => () => {
      calls.push(name);
      return Promise.resolve(calls.length);
    };
    const figures = await interleave(3, side('a'), side('b'));
    expect(calls.join('')).toBe('abbaab');
    expect(figures).toEqual({ a: [1, 4, 5], b: [2, 3, 6] });
  });
});
