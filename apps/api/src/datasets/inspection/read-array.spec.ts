import { describe, expect, it } from '@jest/globals';
import { type ArrayElement, readArray } from './read-array.js';

/** In pieces of so many bytes, so that they end anywhere. */
async function read(text: string | Buffer, size: number): Promise<ArrayElement[]> {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
  }
  const elements: ArrayElement[] = [];
  for await (const element of readArray(chunks())) elements.push(element);
  return elements;
}

describe.each([1, 3, 7, 1000])('in pieces of %i bytes', (size) => {
  it('should find every element and where it begins', async () => {
    const rows = [{ a: 1, b: [1, { c: ']' }] }, { 'ü"\\': '},{' }, 'x', 3, null, []];
    const text = `\uFEFF [\n${rows.map((row) => JSON.stringify(row, null, 2)).join(' ,\n')}\r\n] \n`;
    const elements = await read(text, size);
    expect(elements.map((element) => JSON.parse(element.text) as unknown)).toEqual(rows);
    expect(elements.map(({ line }) => line)).toEqual([2, 11, 14, 15, 16, 17]);
  });

  it('should find none in an empty array', async () => expect(await read(' [ ] ', size)).toEqual([]));

  it.each([
    ['{"a":1}', 'Line 1: a JSON file of rows must be an array of objects.'],
    ['', 'Line 1: a JSON file of rows must be an array of objects.'],
    ['[{"a":1},\n{"a":2}', 'Line 2: the array does not end.'],
    ['[1]\n[2]', 'Line 2: something stands behind the array.'],
    ['[1\n}]', 'Line 2: a brace closes that was never opened.'],
  ])('should refuse %j', async (text, sentence) => {
    await expect(read(text, size)).rejects.toThrow(sentence);
  });

  it('should hand on what is no JSON, for whoever parses it', async () => {
    expect((await read('[1,]', size)).map(({ text }) => text)).toEqual(['1', '']);
  });
});

it('should not keep an element without end', async () => {
  await expect(read(`[1,\n"${'x'.repeat(1024 * 1024)}"]`, 65_536)).rejects.toThrow('Line 2: the element that begins');
});

it('should refuse what is not UTF-8', async () => {
  await expect(read(Buffer.from([91, 0xff, 93]), 10)).rejects.toMatchObject({
    code: 'ERR_ENCODING_INVALID_ENCODED_DATA',
  });
});
