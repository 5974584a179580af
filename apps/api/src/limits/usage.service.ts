import { Inject, Injectable } from '@nestjs/common';
import type { RateUsage, Usage } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { CONFIG, type Config } from '../env.js';
import { JobUsageRepository } from './job-usage.repository.js';
import { toSeconds } from './rate-headers.js';
import { RateLimiter } from './rate-limiter.js';
import type { RatePolicy, TenantPolicyName } from './rate-policy.js';
import { StorageQuota } from './storage-quota.js';
import { TenantPolicies } from './tenant-policies.js';

/** What a tenant may use and uses. */
@Injectable()
export class UsageService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: JobUsageRepository,
    private readonly storage: StorageQuota,
    private readonly policies: TenantPolicies,
    private readonly limiter: RateLimiter,
  ) {}

  async get({ tenantId }: Principal): Promise<Usage> {
    const policies = this.config.rates.isOn ? await this.policiesOf(tenantId) : [];
    return {
      jobs: await this.jobs.get(tenantId),
      storage: await this.storage.describe(tenantId),
      rates: await Promise.all(policies.map((policy) => this.rateOf(policy, tenantId))),
    };
  }

  private policiesOf(tenantId: string): Promise<RatePolicy[]> {
    const names: TenantPolicyName[] = ['read', 'write'];
    return Promise.all([
      ...names.map((name) => this.policies.get(name, tenantId)),
      ...names.map((name) => this.policies.getForFaces(name, tenantId)),
    ]);
  }

  private async rateOf(policy: RatePolicy, tenantId: string, now = Date.now()): Promise<RateUsage> {
    const described = { policy: policy.name, limit: policy.quantity, windowSeconds: toSeconds(policy.windowMs) };
    try {
      const hits = await this.limiter.look(policy, tenantId);
      const remaining = Math.max(0, policy.quantity - (hits?.count ?? 0));
      return { ...described, remaining, resetAt: hits ? new Date(now + hits.resetMs).toISOString() : null };
    } catch {
      // The limiter has said that its store is away.
      return { ...described, remaining: null, resetAt: null };
    }
  }
}
