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
    const [row] = await this.database.query<StorageUsage>(tenantId, FIND_USAGE, [tenantId, defaultBytes]);
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

export const FIND_USAGE: PreparedQuery = {
  name: 'storage-usage-find',
  text: `select coalesce(u.used_bytes, 0) as "usedBytes", coalesce(t.max_storage_bytes, $2::bigint) as "limitBytes"
    from tenant t left join storage_usage u on u.tenant_id = t.id where t.id = $1`,
};

/**
 * Takes room where there is some, as SQL that returns a row if there was. A statement that also notes who has it leaves no
 * moment at which a crash could lose it.
 * @param condition what must hold besides
 */
export const takeRoom = ({ tenant, bytes, defaultBytes, condition = 'true' }: RoomSql): string =>
  `insert into storage_usage as u (tenant_id, used_bytes)
    select id, ${bytes}::bigint from tenant
      where id = ${tenant} and ${bytes}::bigint <= coalesce(max_storage_bytes, ${defaultBytes}::bigint) and ${condition}
    on conflict (tenant_id) do update set used_bytes = u.used_bytes + excluded.used_bytes
      where u.used_bytes + excluded.used_bytes
        <= (select coalesce(max_storage_bytes, ${defaultBytes}::bigint) from tenant where id = ${tenant})
    returning used_bytes`;

/** Gives back what the rows of `from` say: its columns `tenant_id` and `bytes`. */
export const giveRoomBack = (from: string): string =>
  `update storage_usage u set used_bytes = greatest(0, u.used_bytes - ${from}.bytes) from ${from}
    where u.tenant_id = ${from}.tenant_id`;

interface RoomSql {
  tenant: string;
  bytes: string;
  defaultBytes: string;
  condition?: string;
}

const ADD: PreparedQuery = {
  name: 'storage-usage-add',
  text: takeRoom({ tenant: '$1', bytes: '$2', defaultBytes: '$3' }),
};

const SUBTRACT: PreparedQuery = {
  name: 'storage-usage-subtract',
  text: 'update storage_usage set used_bytes = greatest(0, used_bytes - $2::bigint) where tenant_id = $1',
};
