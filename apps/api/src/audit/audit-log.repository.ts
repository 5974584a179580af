import { Injectable } from '@nestjs/common';
import type { AuditEntry, AuditVerification } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'at'>;

type AuditRow = Omit<AuditEntry, 'at'> & { at: Date };

/** Which part of the log is asked for. */
export interface AuditSlice {
  /** Entries older than this one; undefined: from the newest on. */
  before: number | undefined;
  limit: number;
}

/** The log of who did what. PostgreSQL refuses to change it. */
@Injectable()
export class AuditLogRepository {
  constructor(
    private readonly database: TenantDatabase,
    private readonly everyTenants: Database,
  ) {}

  async append(entry: NewAuditEntry): Promise<void> {
    const { tenantId, keyId, userId, method, route, path, status, requestId, address } = entry;
    await this.everyTenants.query(APPEND, [tenantId, keyId, userId, method, route, path, status, requestId, address]);
  }

  /** Newest first. */
  async list(tenantId: string, { before, limit }: AuditSlice): Promise<AuditEntry[]> {
    const rows = await this.database.query<AuditRow>(tenantId, LIST, [tenantId, before ?? null, limit]);
    return rows.map(fromRow);
  }

  /** Of every tenant and of none, newest first. */
  async listAll({ before, limit }: AuditSlice): Promise<AuditEntry[]> {
    const rows = await this.everyTenants.query<AuditRow>(LIST_ALL, [before ?? null, limit]);
    return rows.map(fromRow);
  }

  /** Reckons the chain anew. @returns the number of entries, and the first that was changed or whose predecessor is gone */
  async verify(): Promise<AuditVerification> {
    const [row] = await this.everyTenants.query<AuditVerification>(VERIFY, []);
    return row ?? { entries: 0, brokenAt: null };
  }
}

const fromRow = (row: AuditRow): AuditEntry => ({ ...row, at: row.at.toISOString() });

const COLUMNS = `id, at, tenant_id as "tenantId", key_id as "keyId", user_id as "userId", method, route, path, status,
  request_id as "requestId", address`;

const APPEND: PreparedQuery = {
  name: 'audit-append',
  text: `insert into audit_log (tenant_id, key_id, user_id, method, route, path, status, request_id, address)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

const LIST: PreparedQuery = {
  name: 'audit-list',
  text: `select ${COLUMNS} from audit_log where tenant_id = $1 and ($2::bigint is null or id < $2) order by id desc limit $3`,
};

const LIST_ALL: PreparedQuery = {
  name: 'audit-list-all',
  text: `select ${COLUMNS} from audit_log where $1::bigint is null or id < $1 order by id desc limit $2`,
};

const VERIFY: PreparedQuery = {
  name: 'audit-verify',
  text: `select count(*) as entries, min(id) filter (where hash is distinct from expected) as "brokenAt" from (
      select id, hash, audit_log_hash(a, lag(hash) over (order by id)) as expected from audit_log a) as chain`,
};
