import { describe, expect, it } from '@jest/globals';
import { redactor } from './redact.js';

describe('redactor', () => {
  it('should leave no secret in a text', () => {
    const redact = redactor(['hf_canary', 'hf_canary_longer', 'p@ss/word']);
    expect(redact('a hf_canary b hf_canary_longer, hf_canary')).toBe('a [secret] b [secret], [secret]');
    expect(redact('https://u:p%40ss%2Fword@mirror/ p@ss/word')).toBe('https://u:[secret]@mirror/ [secret]');
  });

  it('should leave texts alone where there is no secret', () => {
    expect(redactor([])('hf_')).toBe('hf_');
    expect(redactor([''])('abc')).toBe('abc');
  });
});
