import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import { addressKey } from './address-key.js';
import { RateLimiter } from './rate-limiter.js';
import { failedLoginPolicy, type RatePolicy } from './rate-policy.js';
import { toSeconds } from './rate-headers.js';
import type { Hits } from './rate-store.js';

/**
 * Limits how many wrong credentials an address may show. Failures are counted for all replicas together; that an address
 * is blocked is known without asking, since every request would wait for it, so another replica learns it from the first
 * failure there.
 */
@Injectable()
export class FailedLogins {
  private readonly policy: RatePolicy;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly limiter: RateLimiter,
  ) {
    this.policy = failedLoginPolicy(config);
  }

  /** Call it before credentials are looked at. @throws AppError `address_blocked` */
  assertAllowed(ip: string): void {
    const hits = this.limiter.hitsBeyond(this.policy, addressKey(ip));
    if (hits) throw blocked(hits);
  }

  /** Notes a failure, before it is answered. @throws AppError `address_blocked` when it was one too many */
  async note(ip: string): Promise<void> {
    const { isAllowed, hits } = await this.limiter.take(this.policy, addressKey(ip));
    if (!isAllowed && hits) throw blocked(hits);
  }
}

const blocked = ({ resetMs }: Hits): AppError =>
  new AppError('address_blocked', { retryAfterS: Math.max(1, toSeconds(resetMs)) });
