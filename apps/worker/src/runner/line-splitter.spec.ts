import { describe, expect, it } from '@jest/globals';
import { LineSplitter, MAX_LINE_LENGTH, type Line } from './line-splitter.js';

const split = (...chunks: (string | Uint8Array)[]): Line[] => {
  const lines: Line[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
  splitter.end();
  return lines;
};
const texts = (...chunks: (string | Uint8Array)[]): string[] => split(...chunks).map((line) => line.text);

describe('LineSplitter', () => {
  it('should end lines at \\n, \\r\\n and \\r', () => {
    expect(split('a\nb\r\nc\rd')).toEqual([
      { text: 'a', isTransient: false },
      { text: 'b', isTransient: false },
      { text: 'c', isTransient: true },
      { text: 'd', isTransient: false },
    ]);
  });

  it('should join lines over chunks', () => {
    expect(texts('he', 'llo\nwor', 'ld\n')).toEqual(['hello', 'world']);
  });

  it('should not take a \\r\\n that two chunks share for two lines', () => {
    expect(split('a\r', '\nb\n')).toEqual([
      { text: 'a', isTransient: false },
      { text: 'b', isTransient: false },
    ]);
  });

  it('should keep characters whole that two chunks share', () => {
    const bytes = new TextEncoder().encode('訓練\n');
    expect(texts(bytes.slice(0, 2), bytes.slice(2, 4), bytes.slice(4))).toEqual(['訓練']);
  });

  it('should survive bytes that are not UTF-8', () => {
    expect(texts(Uint8Array.of(0x61, 0xff, 0x62, 0x0a))).toEqual(['a\ufffdb']);
  });

  it('should keep empty lines between others', () => {
    expect(texts('a\n\nb\n')).toEqual(['a', '', 'b']);
  });

  it('should cut an endless line and say by how much', () => {
    const [first, second] = texts(...Array.from({ length: 40 }, () => 'x'.repeat(1000)), 'yy\nnext\n');
    expect(first).toBe(`${'x'.repeat(MAX_LINE_LENGTH)} … ${40_002 - MAX_LINE_LENGTH} more characters`);
    expect(second).toBe('next');
  });

  it('should cut a long line that comes in one chunk in the same way', () => {
    expect(texts(`${'x'.repeat(20_000)}\n`)).toEqual([`${'x'.repeat(MAX_LINE_LENGTH)} … 4000 more characters`]);
  });
});
