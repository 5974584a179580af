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
    const policy = this.policies[name];
    return { ...policy, quantity: (await this.ownQuantity(name, tenantId)) ?? policy.quantity };
  }

  /**
   * The same for requests through the faces, counted by themselves: their clients were promised no limit, so that the
   * default is a wide one. A quantity of the tenant's own was chosen for it, and holds as it is.
   */
  async getForFaces(name: TenantPolicyName, tenantId: string): Promise<RatePolicy> {
    const policy = this.policies[name];
    const quantity = (await this.ownQuantity(name, tenantId)) ?? policy.quantity * this.faceFactor;
    return { ...policy, name: `face-${name}`, quantity };
  }

  private async ownQuantity(name: TenantPolicyName, tenantId: string): Promise<number | null> {
    return (this.own.get(tenantId) ?? (await this.read(tenantId)))[name];
  }

  /** While the database is away, the defaults hold; whatever the request wants will fail by itself. */
  private async read(tenantId: string): Promise<TenantRates> {
    const own = await this.tenants.find(tenantId).catch(() => undefined);
    return own ? this.own.set(tenantId, own) : { read: null, write: null };
  }
}
