import { describe, expect, it } from '@jest/globals';
import { canonicalJson, requestHash } from './request-hash.js';

describe('canonicalJson', () => {
  it.each([
    [{ b: 1, a: { d: [2, { z: 1, y: null }], c: 'x' } }, '{"a":{"c":"x","d":[2,{"y":null,"z":1}]},"b":1}'],
    [[], '[]'],
    [null, 'null'],
    [undefined, 'null'],
    ['text', '"text"'],
  ])('should write %j as %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('should keep a key named __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1},"b":1}');
  });
});

describe('requestHash', () => {
  it('should be the same for the same content only', () => {
    expect(requestHash({ a: 1, b: [1, 2] })).toBe(requestHash({ b: [1, 2], a: 1 }));
    expect(requestHash({ b: [1, 2] })).not.toBe(requestHash({ b: [2, 1] }));
    expect(requestHash({ a: '1' })).not.toBe(requestHash({ a: 1 }));
  });
});
