import { describe, expect, it } from '@jest/globals';
import { readRetryAfterMs } from './retry-after.js';
import { backoffMs } from './retry-policy.js';

describe(readRetryAfterMs.name, () => {
  const now = Date.parse('2026-01-15T11:30:00.000Z');
  const read = (headers: Record<string, string>) => readRetryAfterMs(new Headers(headers), now);

  it('should prefer milliseconds, then take seconds or a date', () => {
    expect(read({ 'retry-after-ms': '250', 'retry-after': '9' })).toBe(250);
    expect(read({ 'retry-after': '2' })).toBe(2000);
    expect(read({ 'retry-after': 'Thu, 15 Jan 2026 11:30:04 GMT' })).toBe(4000);
  });

  it('should take a date that has passed for now', () => {
    expect(read({ 'retry-after': 'Thu, 15 Jan 2026 11:29:00 GMT' })).toBe(0);
  });

  it('should ignore what it cannot read', () => {
    expect(read({ 'retry-after': 'soon', 'retry-after-ms': '' })).toBeUndefined();
    expect(read({})).toBeUndefined();
  });
});

describe(backoffMs.name, () => {
  it('should double from half a second to eight, less up to a quarter', () => {
    for (const [attempt, longest] of [500, 1000, 2000, 4000, 8000, 8000].entries()) {
      for (let round = 0; round < 50; round++) {
        const delay = backoffMs(attempt);
        expect(delay).toBeLessThanOrEqual(longest);
        expect(delay).toBeGreaterThanOrEqual(longest * 0.75);
      }
    }
  });
});
