import { Injectable } from '@nestjs/common';
import { RateLimiter } from './rate-limiter.js';
import { rateLimited } from './rate-limited.js';
import { TenantPolicies } from './tenant-policies.js';

/** Requests that were refused before a guard could count them. */
@Injectable()
export class RefusedRequests {
  constructor(
    private readonly policies: TenantPolicies,
    private readonly limiter: RateLimiter,
  ) {}

  /** Counts one like any other of the tenant. @throws AppError `rate_limited` */
  async count(tenantId: string, kind: 'read' | 'write'): Promise<void> {
    if (!this.policies.isOn) return;
    const verdict = await this.limiter.take(await this.policies.get(kind, tenantId), tenantId);
    if (!verdict.isAllowed) throw rateLimited(verdict);
  }
}
