import { describe, expect, it } from '@jest/globals';
import { rateHeaders } from './rate-headers.js';
import type { RatePolicy } from './rate-policy.js';

const POLICY: RatePolicy = { name: 'read', by: 'tenant', quantity: 100, windowMs: 60_000, whenAway: 'pass' };
const NOW = 1_639_999_958_001;

describe(rateHeaders.name, () => {
  it('should tell in both dialects what is left, and round no wait down', () => {
    expect(rateHeaders({ policy: POLICY, isAllowed: true, hits: { count: 5, resetMs: 41_001 } }, NOW)).toEqual({
      'x-ratelimit-limit': 100,
      'x-ratelimit-remaining': 95,
      'x-ratelimit-reset': 1_640_000_000,
      'ratelimit-policy': '"read";q=100;w=60',
      ratelimit: '"read";r=95;t=42',
    });
  });

  it('should never tell of less than nothing', () => {
    const headers = rateHeaders({ policy: POLICY, isAllowed: false, hits: { count: 130, resetMs: 1 } }, NOW);
    expect(headers).toMatchObject({ 'x-ratelimit-remaining': 0, ratelimit: '"read";r=0;t=1' });
  });

  it('should say when nothing was counted', () => {
    expect(rateHeaders({ policy: POLICY, isAllowed: true }, NOW)).toEqual({
      'x-ratelimit-limit': 100,
      'x-ratelimit-status': 'not-counted',
      'ratelimit-policy': '"read";q=100;w=60',
    });
  });
});
