import { describe, expect, it } from '@jest/globals';
import { HeaderError, readHeader } from './safetensors-header.js';

/** A file with this header and as many bytes behind it. */
function fileOf(header: unknown, bytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(bytes)]);
}

const read = (file: Buffer) => readHeader(file, file.length);
const tensor = (shape: number[], offsets: [number, number], dtype = 'F32') => ({ dtype, shape, data_offsets: offsets });

describe(readHeader.name, () => {
  it('should read tensors of any order, with metadata and without', () => {
    const header = { __metadata__: { a: 'b' }, b: tensor([2, 3], [8, 32]), a: tensor([], [0, 8], 'I64') };
    expect(read(fileOf(header, 32))).toEqual([
      { name: 'a', shape: [] },
      { name: 'b', shape: [2, 3] },
    ]);
    expect(read(fileOf({ a: tensor([3], [0, 6], 'BF16') }, 6))).toHaveLength(1);
  });

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /too short/],
    ['a header beyond the file', fileOf({ a: tensor([1], [0, 4]) }, 4).subarray(0, 20), /ends within/],
    ['a header of gigabytes', Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]), /too much/],
    ['no JSON', fileOf('{"a":', 0), /no JSON/],
    ['a list', fileOf([], 0), /its header/],
    ['no tensors', fileOf({ __metadata__: {} }, 0), /no tensors/],
    ['a missing end', fileOf({ a: tensor([2], [0, 8]) }, 7), /7 bytes of tensors where its header describes 8/],
    ['more than it says', fileOf({ a: tensor([2], [0, 8]) }, 9), /9 bytes of tensors/],
    ['a wrong size', fileOf({ a: tensor([2], [0, 4]) }, 4), /has 4 bytes for a, whose shape needs 8/],
    ['a hole', fileOf({ a: tensor([1], [0, 4]), b: tensor([1], [8, 12]) }, 12), /b at byte 8 where 4 follows/],
    ['an overlap', fileOf({ a: tensor([2], [0, 8]), b: tensor([1], [4, 8]) }, 8), /b at byte 4 where 8 follows/],
    ['an unknown type', fileOf({ a: tensor([1], [0, 4], 'F99') }, 4), /unknown type F99/],
    ['a negative shape', fileOf({ a: tensor([-1], [0, 4]) }, 4), /does not describe a/],
    ['no offsets', fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), /does not describe a/],
  ])('should refuse a file with %s', (_, file, message) => {
    expect(() => read(file)).toThrow(HeaderError);
    expect(() => read(file)).toThrow(message);
  });
});
