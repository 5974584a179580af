import { describe, expect, it } from '@jest/globals';
import { isSameHash, mintKey, prefixOf, readKey } from './api-key.js';

describe('API keys', () => {
  it('should read what was minted', () => {
    const { key, lookup, hash } = mintKey();
    expect(key).toMatch(/^iak_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/);
    expect(readKey(key)).toEqual({ lookup, hash });
    expect(key.startsWith(prefixOf(lookup))).toBe(true);
  });

  it('should keep the public part when only the secret is new', () => {
    const first = mintKey();
    const second = mintKey(first.lookup);
    expect(second.lookup).toBe(first.lookup);
    expect(isSameHash(second.hash, first.hash)).toBe(false);
  });

  it('should tell a mistyped key', () => {
    const { key } = mintKey();
    const at = 30;
    const mistyped = key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1);
    expect(readKey(mistyped)).toBeUndefined();
  });

  it.each(['', 'iak_', 'iak_short_key', 'sk_123456789012_12345678901234567890123456789012345678', `${mintKey().key} `])(
    'should not read %j',
    (text) => expect(readKey(text)).toBeUndefined(),
  );
});
