import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from './canonical-json.js';

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
