import { Inject, Injectable } from '@nestjs/common';
import { TimedCache } from '../auth/timed-cache.js';
import { CONFIG, type Config } from '../env.js';
import { type RatePolicy, type TenantPolicyName, tenantPolicies } from './rate-policy.js';
import { type TenantRates, TenantRatesRepository } from './tenant-rates.repository.js';

const CACHE = { ttlMs: 10_000, size: 10_000 };

/** The policies for reads and writes, with a tenant's own quantities. A change of those counts within ten seconds. */
@Injectable()
export class TenantPolicies {
  /** Off, only routes with a policy of their own are counted. */
  readonly isOn: boolean;
  private readonly policies: Record<TenantPolicyName, RatePolicy>;
  private readonly faceFactor: number;
  private readonly own = new TimedCache<TenantRates>(CACHE);

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly tenants: TenantRatesRepository,
  ) {
    this.isOn = config.rates.isOn;
    this.policies = tenantPolicies(config);
    this.faceFactor = config.rates.faceFactor;
  }

  async get(name: TenantPolicyName, tenantId: string): Promise<RatePolicy> {
    const own = this.own.get(tenantId) ?? (await this.read(tenantId));
    const quantity = own[name];
    return quantity === null ? this.policies[name] : { ...this.policies[name], quantity };
  }

  /** The same for requests through the faces, counted by themselves: their clients were promised no limit. */
  async getForFaces(name: TenantPolicyName, tenantId: string): Promise<RatePolicy> {
    const policy = await this.get(name, tenantId);
    return { ...policy, name: `face-${name}`, quantity: policy.quantity * this.faceFactor };
  }

  /** While the database is away, the defaults hold; whatever the request wants will fail by itself. */
  private async read(tenantId: string): Promise<TenantRates> {
    const own = await this.tenants.find(tenantId).catch(() => undefined);
    return own ? this.own.set(tenantId, own) : { read: null, write: null };
  }
}
