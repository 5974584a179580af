import { Injectable } from '@nestjs/common';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { TenantPolicyName } from './rate-policy.js';

/** The quantities that a tenant has of its own; null where the settings hold. */
export type TenantRates = Record<TenantPolicyName, number | null>;

@Injectable()
export class TenantRatesRepository {
  constructor(private readonly database: TenantDatabase) {}

  async find(tenantId: string): Promise<TenantRates | undefined> {
    const [row] = await this.database.query<TenantRates>(tenantId, FIND, [tenantId]);
    return row;
  }
}

const FIND: PreparedQuery = {
  name: 'tenant-rates-find',
  text: 'select reads_per_minute as read, writes_per_minute as write from tenant where id = $1',
};
