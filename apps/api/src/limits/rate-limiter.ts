import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { TimedCache } from '../auth/timed-cache.js';
import { MetricsService } from '../health/metrics.service.js';
import { PostgresRates } from './postgres-rates.repository.js';
import type { RatePolicy } from './rate-policy.js';
import { type Hits, RateStore } from './rate-store.js';

const REMEMBERED = 10_000;

/** How a request stands to its policy. */
export interface Verdict {
  policy: RatePolicy;
  isAllowed: boolean;
  /** Undefined when nothing could be counted. */
  hits?: Hits;
}

/** Counts requests against policies. */
@Injectable()
export class RateLimiter {
  private readonly logger = new Logger(RateLimiter.name);
  /** Counts that are beyond their quantity. They cannot become less before the window ends, so nobody needs to ask. */
  private readonly beyond: TimedCache<{ count: number; endsAt: number }>;
  private readonly refused;
  private readonly uncounted;
  private isStoreAway = false;

  constructor(
    private readonly store: RateStore,
    private readonly spare: PostgresRates,
    metrics: MetricsService,
  ) {
    this.beyond = new TimedCache({ ttlMs: Infinity, size: REMEMBERED });
    this.refused = metrics.counter('influencerai_rate_limited_total', 'Requests refused by a rate limit.', ['policy']);
    this.uncounted = metrics.counter(
      'influencerai_rate_uncounted_total',
      'Requests that passed uncounted while the store of the rate limits was away.',
      ['policy'],
    );
  }

  /**
   * Counts one request.
   * @param subject who it is counted for, unique among those of the policy
   * @throws AppError `service_unavailable` when nothing can be counted and the policy refuses then
   */
  async take(policy: RatePolicy, subject: string): Promise<Verdict> {
    const hits = this.hitsBeyond(policy, subject) ?? (await this.count(policy, subject));
    const isAllowed = hits === undefined || hits.count <= policy.quantity;
    if (!isAllowed) this.refused.inc({ policy: policy.name });
    return { policy, isAllowed, ...(hits && { hits }) };
  }

  /** What is known in this process without asking: the count of a subject that is beyond its quantity. */
  hitsBeyond(policy: RatePolicy, subject: string, now = Date.now()): Hits | undefined {
    const known = this.beyond.get(keyOf(policy, subject), now);
    if (!known || known.count <= policy.quantity) return undefined;
    return { count: known.count, resetMs: known.endsAt - now };
  }

  /** Looks without counting. @throws whatever the store throws when it is away */
  async look(policy: RatePolicy, subject: string): Promise<Hits | undefined> {
    return this.store.look(keyOf(policy, subject));
  }

  private async count(policy: RatePolicy, subject: string): Promise<Hits | undefined> {
    const key = keyOf(policy, subject);
    const hits = await this.hitOrSpare(policy, key);
    if (hits && hits.count > policy.quantity) {
      const endsAt = Date.now() + hits.resetMs;
      this.beyond.set(key, { count: hits.count, endsAt }, { until: endsAt });
    }
    return hits;
  }

  private async hitOrSpare(policy: RatePolicy, key: string): Promise<Hits | undefined> {
    try {
      const hits = await this.store.hit(key, policy.windowMs);
      this.noteStore(undefined);
      return hits;
    } catch (error) {
      this.noteStore(error);
    }
    if (policy.whenAway === 'refuse') return this.hitSpare(policy, key);
    this.uncounted.inc({ policy: policy.name });
    return undefined;
  }

  /** PostgreSQL is needed for the work of the request in any case, so it may count while Redis is away. */
  private async hitSpare(policy: RatePolicy, key: string): Promise<Hits> {
    try {
      return await this.spare.hit(key, policy.windowMs);
    } catch (error) {
      throw new AppError('service_unavailable', {}, { cause: error });
    }
  }

  /** Says it once when the store goes, and once when it is back. */
  private noteStore(error: unknown): void {
    const isAway = error !== undefined;
    if (isAway === this.isStoreAway) return;
    this.isStoreAway = isAway;
    if (isAway) this.logger.error({ err: error }, 'The store of the rate limits is away: reads pass uncounted.');
    else this.logger.log('The store of the rate limits is back.');
  }
}

const keyOf = ({ name }: RatePolicy, subject: string): string => `${name}:${subject}`;
