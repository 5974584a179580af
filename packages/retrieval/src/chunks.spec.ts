import { describe, expect, it } from '@jest/globals';
import { cut } from './chunks.js';

describe('cut', () => {
  it('should leave a short text whole', () => {
    expect(cut(' one two ', 10)).toEqual(['one two']);
  });

  it('should cut after a paragraph rather than a sentence, and after a sentence rather than a word', () => {
    expect(cut('One two.\n\nThree. Four', 16)).toEqual(['One two.', 'Three. Four']);
    expect(cut('One two six. Three four', 16)).toEqual(['One two six.', 'Three four']);
    expect(cut('one two three four', 10)).toEqual(['one two', 'three four']);
  });

  it('should cut a text without borders by its length, and no character in two', () => {
    expect(cut('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(cut('ab😀cd', 3)).toEqual(['ab', '😀c', 'd']);
  });

  it('should lose no word', () => {
    const text = Array.from({ length: 500 }, (_, index) => `word${index}`).join(' ');
    const parts = cut(text, 100);
    expect(parts.join(' ')).toBe(text);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(100);
  });

  it('should make nothing of blanks', () => {
    expect(cut(' \n ')).toEqual([]);
  });
});
