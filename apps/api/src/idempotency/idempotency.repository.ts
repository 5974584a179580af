import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';

/** Which answer a key stands for. */
export interface IdempotencyScope {
  tenantId: string;
  route: string;
  key: string;
}

/** The right to answer a key, held by the request that came first. */
export interface Reservation {
  scope: IdempotencyScope;
  /** The id of what the request creates; the same for every holder. */
  id: string;
  /** When it was taken; a later holder has a later one. */
  token: string;
}

/** A request that asks for its key. */
export interface Attempt {
  requestHash: string;
  /** The id for what it creates, unless a dead request has left one. */
  id: string;
  ttlMs: number;
  /** Who holds a key for so long without an answer has died. */
  abandonedMs: number;
}

export interface StoredAnswer {
  requestHash: string;
  /** Null while the first request runs. */
  status: number | null;
  body: unknown;
}

@Injectable()
export class IdempotencyRepository {
  constructor(
    private readonly database: TenantDatabase,
    private readonly everyTenants: Database,
  ) {}

  /**
   * Takes a key that is free, expired, or held by the same request that died. Who takes over from a dead one gets its id.
   * @returns undefined when another request holds or has answered it
   */
  async reserve(
    scope: IdempotencyScope,
    { requestHash, id, ttlMs, abandonedMs }: Attempt,
  ): Promise<Reservation | undefined> {
    const values = [scope.tenantId, scope.route, scope.key, requestHash, id, ttlMs, abandonedMs];
    const [row] = await this.database.query<{ token: Date; id: string }>(scope.tenantId, RESERVE, values);
    return row && { scope, id: row.id, token: row.token.toISOString() };
  }

  async find({ tenantId, route, key }: IdempotencyScope): Promise<StoredAnswer | undefined> {
    const [row] = await this.database.query<{ requestHash: string; status: number | null; body: string | null }>(
      tenantId,
      FIND,
      [tenantId, route, key],
    );
    return row && { ...row, body: row.body === null ? null : JSON.parse(row.body) };
  }

  /** The body is kept as text inside the JSON column, so that a replay has the same bytes. */
  async complete({ scope, token }: Reservation, status: number, body: unknown): Promise<void> {
    const text = JSON.stringify(JSON.stringify(body ?? null));
    await this.database.query(scope.tenantId, COMPLETE, [scope.tenantId, scope.route, scope.key, token, status, text]);
  }

  /** Makes the reservation as young as now, so that it does not pass for abandoned. */
  async renew(reservation: Reservation): Promise<void> {
    const { scope, token } = reservation;
    const [row] = await this.database.query<{ token: Date }>(scope.tenantId, RENEW, [
      scope.tenantId,
      scope.route,
      scope.key,
      token,
    ]);
    if (row) reservation.token = row.token.toISOString();
  }

  /** Frees a key whose request failed. */
  async abandon({ scope, token }: Reservation): Promise<void> {
    await this.database.query(scope.tenantId, ABANDON, [scope.tenantId, scope.route, scope.key, token]);
  }

  async purge(ttlMs: number): Promise<void> {
    await this.everyTenants.query(PURGE, [ttlMs]);
  }
}

const RESERVE = {
  name: 'idempotency-reserve',
  text: `insert into idempotency_key as k (tenant_id, route, key, request_hash, resource_id) values ($1, $2, $3, $4, $5)
    on conflict (tenant_id, route, key) do update set request_hash = excluded.request_hash, status = null, body = null, created_at = now(),
      resource_id = case when k.created_at < now() - $6::bigint * interval '1 millisecond' then excluded.resource_id else k.resource_id end
      where k.created_at < now() - $6::bigint * interval '1 millisecond'
        or (k.status is null and k.request_hash = excluded.request_hash and k.created_at < now() - $7::bigint * interval '1 millisecond')
    returning created_at as token, resource_id as id`,
};

const FIND = {
  name: 'idempotency-find',
  text: `select request_hash as "requestHash", status, body #>> '{}' as body from idempotency_key where tenant_id = $1 and route = $2 and key = $3`,
};

const HELD = 'tenant_id = $1 and route = $2 and key = $3 and created_at = $4::timestamptz and status is null';

const COMPLETE = {
  name: 'idempotency-complete',
  text: `update idempotency_key set status = $5, body = $6::jsonb where ${HELD}`,
};
const RENEW = {
  name: 'idempotency-renew',
  text: `update idempotency_key set created_at = now() where ${HELD} returning created_at as token`,
};
const ABANDON = { name: 'idempotency-abandon', text: `delete from idempotency_key where ${HELD}` };
const PURGE = {
  name: 'idempotency-purge',
  text: "delete from idempotency_key where created_at < now() - $1::bigint * interval '1 millisecond'",
};
