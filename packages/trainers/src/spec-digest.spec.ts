import { describe, expect, it } from '@jest/globals';
import type { TrainingSpec } from '@influencerai/shared';
import { aSpec } from '../test/builders.js';
import { specDigest } from './spec-digest.js';

const reversed = <T>(value: T): T =>
  (typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .map(([key, member]) => [key, reversed(member)])
          .reverse(),
      )) as T;

describe('specDigest', () => {
  it('should be a sha256 that a rewrite of the row does not change', () => {
    const stored = JSON.parse(JSON.stringify(reversed(aSpec()))) as TrainingSpec;
    expect(specDigest(aSpec())).toMatch(/^[0-9a-f]{64}$/);
    expect(specDigest(stored)).toBe(specDigest(aSpec()));
  });

  it('should not depend on the folder of the job', () => {
    const rerun = aSpec({ output: { dir: 'data/loras/x/j2', name: 'my-influencer-v1' } });
    expect(specDigest(rerun)).toBe(specDigest(aSpec()));
  });

  it('should change with every other value', () => {
    const digests = [
      aSpec(),
      aSpec({ training: { seed: 43 } }),
      aSpec({ samples: { prompts: [] } }),
      aSpec({ samples: { prompts: ['a', 'b'] } }),
      aSpec({ samples: { prompts: ['b', 'a'] } }),
      aSpec({ extra: { stepDelayMs: 1 } }),
      aSpec({ output: { dir: 'data/loras/x/j1', name: 'other' } }),
    ].map(specDigest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
