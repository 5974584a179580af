import { describe, expect, it } from '@jest/globals';
import { findRepeatedName } from './json-body.js';

describe('findRepeatedName', () => {
  it.each<[string, (string | number)[]]>([
    ['{"a":1,"a":2}', ['a']],
    ['{"a" : 1 ,\n"a"\t:2}', ['a']],
    ['{"a":{"b":[0,{"c":1,"c":1}]}}', ['a', 'b', 1, 'c']],
    ['[[],{"x":[1,2],"x":3}]', [1, 'x']],
    [String.raw`{"a":1,"\u0061":2}`, ['a']],
    [String.raw`{"q\"":"\\","q\"":0}`, ['q"']],
    ['{"":1,"":1}', ['']],
  ])('should find it in %s', (text, path) => {
    expect(findRepeatedName(text)).toEqual(path);
  });

  it.each([
    '{"a":"a","b":["a","a"],"c":{"a":1}}',
    '[{"a":1},{"a":1}]',
    String.raw`{"a":"\"a\":1,\"a\":2","b":"{\\"}`,
    '{"__proto__":1,"constructor":2,"toString":3}',
    '"a"',
    '"',
    '{"a":1',
    '',
  ])('should find none in %s', (text) => {
    expect(findRepeatedName(text)).toBeUndefined();
  });

  it('should not mind depth or length', () => {
    const depth = 100_000;
    expect(findRepeatedName('{"a":'.repeat(depth) + '1' + '}'.repeat(depth))).toBeUndefined();
    const wide = Array.from({ length: 50_000 }, (_, i) => `"k${i}":${i}`);
    expect(findRepeatedName(`{${wide.join()},"k7":0}`)).toEqual(['k7']);
  });
});
