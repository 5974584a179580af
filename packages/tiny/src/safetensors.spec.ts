import { describe, expect, it } from '@jest/globals';
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from './safetensors.js';

const tensors = {
  weight: { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0.1, 1e-8, -0) },
  alpha: { shape: [], data: Float32Array.of(8) },
};

/** A file with the given header text and `body` bytes of data. */
const fileWithHeader = (header: string, body = 8): Uint8Array => {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + body);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
};

describe(encodeSafetensors.name, () => {
  it('should write what decodeSafetensors reads, bit by bit', () => {
    const decoded = decodeSafetensors(encodeSafetensors(tensors, { ss_seed: '42', name: 'größe' }));
    expect(decoded).toEqual({ tensors, metadata: { ss_seed: '42', name: 'größe' } });
  });

  it('should describe dtype, shape and offsets in a header whose length is a multiple of eight', () => {
    const file = encodeSafetensors(tensors);
    const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes)));
    expect(headerBytes % 8).toBe(0);
    expect(header.weight).toEqual({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
    expect(header.alpha).toEqual({ dtype: 'F32', shape: [], data_offsets: [24, 28] });
  });

  it('should store half precision on request', () => {
    const file = encodeSafetensors({ x: { shape: [2], data: Float32Array.of(0.5, 0.1) } }, {}, 'F16');
    expect(decodeSafetensors(file).tensors.x?.data[0]).toBe(0.5);
    expect(decodeSafetensors(file).tensors.x?.data[1]).toBeCloseTo(0.1, 3);
  });

  it('should refuse data that does not fill its shape', () => {
    expect(() => encodeSafetensors({ x: { shape: [3], data: Float32Array.of(1) } })).toThrow(SafetensorsError);
  });
});

describe(decodeSafetensors.name, () => {
  it.each([
    ['an empty file', new Uint8Array(0)],
    ['a header longer than the file', fileWithHeader('{}').subarray(0, 9)],
    ['a header that is not JSON', fileWithHeader('{nope')],
    ['a header that is a list', fileWithHeader('[]')],
    ['an unknown dtype', fileWithHeader('{"x":{"dtype":"I3","shape":[1],"data_offsets":[0,4]}}')],
    ['offsets beyond the data', fileWithHeader('{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}')],
    ['offsets that do not fit the shape', fileWithHeader('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}')],
    ['an entry without offsets', fileWithHeader('{"x":{"dtype":"F32","shape":[1]}}')],
  ])('should refuse %s', (_, file) => {
    expect(() => decodeSafetensors(file)).toThrow(SafetensorsError);
  });
});
