import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { type Line, readLines } from './read-lines.js';

async function lines(...chunks: (string | Buffer)[]): Promise<Line[]> {
  const found: Line[] = [];
  for await (const line of readLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) found.push(line);
  return found;
}

describe('readLines', () => {
  it('should join what chunks cut, even within a character', async () => {
    const [first, second] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
    expect(await lines('a', 'b\n', first, second, '\nlast')).toEqual([
      { number: 1, text: 'ab' },
      { number: 2, text: 'é' },
      { number: 3, text: 'last' },
    ]);
  });

  it('should not see a line after the last line feed', async () => {
    expect(await lines('a\n')).toHaveLength(1);
    expect(await lines('')).toEqual([]);
  });

  it('should report a line that is too long, or not UTF-8, and go on', async () => {
    const long = 'x'.repeat(600_000);
    expect(await lines(long, long, long, '\nok\n', Buffer.from([0xff]), '\nend')).toEqual([
      { number: 1, problem: 'is longer than 1 MiB' },
      { number: 2, text: 'ok' },
      { number: 3, problem: 'is not valid UTF-8' },
      { number: 4, text: 'end' },
    ]);
  });
});
