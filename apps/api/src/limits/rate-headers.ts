import type { Verdict } from './rate-limiter.js';

/** Whole seconds that a caller has to wait; never too few. */
export const toSeconds = (ms: number): number => Math.ceil(ms / 1000);

/**
 * How a verdict looks on an answer: the fields that clients know, and those of the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers).
 */
export function rateHeaders({ policy, hits }: Verdict, nowMs = Date.now()): Record<string, string | number> {
  const { name, quantity, windowMs } = policy;
  const described = {
    'ratelimit-policy': `"${name}";q=${quantity};w=${toSeconds(windowMs)}`,
    'x-ratelimit-limit': quantity,
  };
  if (!hits) return { ...described, 'x-ratelimit-status': 'not-counted' };
  const remaining = Math.max(0, quantity - hits.count);
  return {
    ...described,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': toSeconds(nowMs + hits.resetMs),
    ratelimit: `"${name}";r=${remaining};t=${toSeconds(hits.resetMs)}`,
  };
}
