import { describe, expect, it } from '@jest/globals';
import { cutText } from './cut-text.js';

describe('cutText', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc'],
    ['ab🎨', 3, 'ab'],
    ['ab🎨', 4, 'ab🎨'],
    ['a🎨c', 3, 'a🎨'],
    ['🎨', 1, ''],
  ])('should cut %j at %i to %j', (text, maxLength, cut) => {
    expect(cutText(text, maxLength)).toBe(cut);
  });
});
