import { Injectable } from '@nestjs/common';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';

export interface StorageUsage {
  usedBytes: number;
  limitBytes: number;
}

/** How much each tenant stores. A trigger counts the files of jobs. */
@Injectable()
export class StorageUsageRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** @param defaultBytes the limit of tenants that have none of their own */
  async find(tenantId: string, defaultBytes: number): Promise<StorageUsage> {
    const [row] = await this.database.query<StorageUsage>(tenantId, FIND, [tenantId, defaultBytes]);
    return row ?? { usedBytes: 0, limitBytes: defaultBytes };
  }

  /** Adds bytes where they fit. @returns whether they did */
  async add(tenantId: string, bytes: number, defaultBytes: number): Promise<boolean> {
    const rows = await this.database.query(tenantId, ADD, [tenantId, bytes, defaultBytes]);
    return rows.length > 0;
  }

  async subtract(tenantId: string, bytes: number): Promise<void> {
    await this.database.query(tenantId, SUBTRACT, [tenantId, bytes]);
  }
}

const FIND: PreparedQuery = {
  name: 'storage-usage-find',
  text: `select coalesce(u.used_bytes, 0) as "usedBytes", coalesce(t.max_storage_bytes, $2::bigint) as "limitBytes"
    from tenant t left join storage_usage u on u.tenant_id = t.id where t.id = $1`,
};

const ADD: PreparedQuery = {
  name: 'storage-usage-add',
  text: `insert into storage_usage as u (tenant_id, used_bytes)
      select id, $2::bigint from tenant where id = $1 and $2::bigint <= coalesce(max_storage_bytes, $3::bigint)
    on conflict (tenant_id) do update set used_bytes = u.used_bytes + excluded.used_bytes
      where u.used_bytes + excluded.used_bytes <= (select coalesce(max_storage_bytes, $3::bigint) from tenant where id = $1)
    returning used_bytes`,
};

const SUBTRACT: PreparedQuery = {
  name: 'storage-usage-subtract',
  text: 'update storage_usage set used_bytes = greatest(0, used_bytes - $2::bigint) where tenant_id = $1',
};
