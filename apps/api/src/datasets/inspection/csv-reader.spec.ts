import { describe, expect, it } from '@jest/globals';
import { CsvReader, type CsvRecord } from './csv-reader.js';

function read(text: string, pieceLength = text.length || 1): { header: string[]; records: CsvRecord[] } {
  const records: CsvRecord[] = [];
  const reader = new CsvReader((record) => records.push(record));
  for (let start = 0; start < text.length; start += pieceLength) reader.push(text.slice(start, start + pieceLength));
  reader.end();
  return { header: reader.header, records };
}

const shape = (text: string, pieceLength?: number) =>
  read(text, pieceLength).records.map(({ line, fieldCount }) => [line, fieldCount]);

describe(CsvReader.name, () => {
  it.each([
    ['', []],
    ['a', [[1, 1]]],
    [
      'a,b\n1,2',
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'a,b\r\n1,2\r\n',
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'a,\n,b',
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [',', [[1, 2]]],
    ['""', [[1, 1]]],
    ['"a,b",c', [[1, 2]]],
    [
      '"a\nb",c\nd,e',
      [
        [1, 2],
        [3, 2],
      ],
    ],
    ['"say ""hi""",x', [[1, 2]]],
    ['5" pipe,x', [[1, 2]]],
  ] as [string, number[][]][])('should find lines and fields of %j, however it is cut', (text, expected) => {
    for (const pieceLength of [undefined, 1, 2, 3]) expect(shape(text, pieceLength)).toEqual(expected);
  });

  it('should keep the values of the first record', () => {
    expect(read('"the ""first""",second\nx,y').header).toEqual(['the "first"', 'second']);
  });

  it('should mark blank lines', () => {
    expect(read('a\n\nb\n').records.map(({ isBlank }) => isBlank)).toEqual([false, true, false]);
  });

  it('should take the header from the first line that is not blank', () => {
    expect(read('\n\na,b\n').header).toEqual(['a', 'b']);
  });

  it.each([
    ['a\n"b', /quote that opens in the record of line 2 is never closed/],
    ['"a"b', /line 1 has text after a closing quote/],
    ['x'.repeat(1024 * 1024 + 1), /more than 1 MiB/],
  ])('should refuse %#', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});
