import type { Config } from '../env.js';

/** How many requests of whom. */
export interface RatePolicy {
  /** In headers, metrics and errors; part of the key that is counted under. */
  name: string;
  /** Whose requests are counted together. A user without an id shares one count with the others of the tenant. */
  by: 'tenant' | 'user' | 'address';
  quantity: number;
  windowMs: number;
  /** What happens while nothing can be counted: requests pass, or are refused with 503. */
  whenAway: 'pass' | 'refuse';
}

/** The names of the policies that a tenant can have its own quantities of. */
export type TenantPolicyName = 'read' | 'write';

/** What holds for every route of tenants that names no policy of its own. */
export const tenantPolicies = ({ rates }: Config): Record<TenantPolicyName, RatePolicy> => ({
  read: { name: 'read', by: 'tenant', quantity: rates.reads, windowMs: rates.windowMs, whenAway: 'pass' },
  write: { name: 'write', by: 'tenant', quantity: rates.writes, windowMs: rates.windowMs, whenAway: 'refuse' },
});

export const failedLoginPolicy = ({ rates }: Config): RatePolicy => ({
  name: 'failed-login',
  by: 'address',
  quantity: rates.failedLogins,
  windowMs: rates.windowMs,
  whenAway: 'pass',
});
