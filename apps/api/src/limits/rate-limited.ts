import { AppError } from '@influencerai/shared';
import { toSeconds } from './rate-headers.js';
import type { Verdict } from './rate-limiter.js';

/** The error that a verdict against a request is. */
export function rateLimited({ policy, hits }: Verdict): AppError {
  return new AppError('rate_limited', {
    policy: policy.name,
    limit: policy.quantity,
    windowS: toSeconds(policy.windowMs),
    retryAfterS: retryAfterS(hits?.resetMs ?? 0),
  });
}

/** At least one second: a window that ends right now is over by then. */
const retryAfterS = (resetMs: number): number => Math.max(1, toSeconds(resetMs));
