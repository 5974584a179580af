import { describe, expect, it } from '@jest/globals';
import { encodeHeader, parseHeader } from './state-header.js';

const GIB = 1024 ** 3;

describe(encodeHeader, () => {
  it.each([0, 1, 8 * GIB - 1, 8 * GIB, 64 * GIB, 70 * GIB + 1, 5000 * GIB])(
    'should keep a size of %i bytes for whoever unpacks it',
    (sizeBytes) => {
      expect(parseHeader(encodeHeader({ name: 'a/b.bin', sizeBytes }))).toEqual({ name: 'a/b.bin', sizeBytes });
    },
  );

  it('should write a size that its octal digits do not hold as GNU tar does, beside fields that stay as they are', () => {
    const block = encodeHeader({ name: 'b', sizeBytes: 64 * GIB });
    expect(block).toHaveLength(512);
    expect(block.toString('hex', 124, 136)).toBe('800000000000001000000000');
    expect(block.toString('latin1', 136, 148)).toBe('00000000000\0');
    expect(encodeHeader({ name: 'b', sizeBytes: 8 * GIB - 1 }).toString('latin1', 124, 136)).toBe('77777777777\0');
  });

  it.each(['../up', '/root', '.hidden', 'a'.repeat(100)])('should refuse the name %s', (name) => {
    expect(() => encodeHeader({ name, sizeBytes: 1 })).toThrow('odd name');
  });
});

describe(parseHeader, () => {
  it('should not believe a header that was changed on its way', () => {
    const block = encodeHeader({ name: 'b', sizeBytes: 64 * GIB });
    block[135] = 1;
    expect(parseHeader(block)).toBeUndefined();
  });
});
