import { Injectable } from '@nestjs/common';
import type { Scope } from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';

/** An API key as it is checked, with the state of those it speaks for. */
export interface KeyCredential {
  id: string;
  tenantId: string | null;
  userId: string | null;
  secretHash: string;
  previousHash: string | null;
  previousExpiresAt: Date | null;
  scopes: Scope[];
  expiresAt: Date | null;
  isRevoked: boolean;
  isTenantDisabled: boolean;
  isUserDisabled: boolean;
}

/** A tenant, and one of its users, as tokens name them. */
export interface Account {
  isTenantDisabled: boolean;
  isUserDisabled: boolean;
}

/** What is asked about a caller before it is known which tenant's data may be touched. */
@Injectable()
export class CredentialsRepository {
  constructor(private readonly database: Database) {}

  async findKey(lookup: string): Promise<KeyCredential | undefined> {
    const [row] = await this.database.query<KeyCredential>(FIND_KEY, [lookup]);
    return row;
  }

  /** Undefined when there is no such tenant. A user that was never created is nobody's enemy. */
  async findAccount(tenantId: string, userId: string | null): Promise<Account | undefined> {
    const [row] = await this.database.query<Account>(FIND_ACCOUNT, [tenantId, userId]);
    return row;
  }

  async touchKey(id: string): Promise<void> {
    await this.database.query(TOUCH_KEY, [id]);
  }
}

const FIND_KEY: PreparedQuery = {
  name: 'credentials-find-key',
  text: `select k.id, k.tenant_id as "tenantId", k.user_id as "userId", k.secret_hash as "secretHash", k.previous_hash as "previousHash",
      k.previous_expires_at as "previousExpiresAt", k.scopes, k.expires_at as "expiresAt", k.revoked_at is not null as "isRevoked",
      t.disabled_at is not null as "isTenantDisabled", u.disabled_at is not null as "isUserDisabled"
    from api_key k left join tenant t on t.id = k.tenant_id left join tenant_user u on u.tenant_id = k.tenant_id and u.id = k.user_id
    where k.lookup = $1`,
};

const FIND_ACCOUNT: PreparedQuery = {
  name: 'credentials-find-account',
  text: `select t.disabled_at is not null as "isTenantDisabled", u.disabled_at is not null as "isUserDisabled"
    from tenant t left join tenant_user u on u.tenant_id = t.id and u.id = $2 where t.id = $1`,
};

const TOUCH_KEY: PreparedQuery = {
  name: 'credentials-touch-key',
  text: `update api_key set last_used_at = now() where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
};
