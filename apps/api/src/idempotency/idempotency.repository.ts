import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';

/** Which answer a key stands for. */
export interface IdempotencyScope {
  tenantId: string;
  route: string;
  key: string;
}

/** The right to answer a key, held by the request that came first. */
export interface Reservation {
  scope: IdempotencyScope;
  /** When it was taken; a later holder has a later one. */
  token: string;
}

export interface StoredAnswer {
  requestHash: string;
  /** Null while the first request runs. */
  status: number | null;
  body: unknown;
}

@Injectable()
export class IdempotencyRepository {
  constructor(private readonly database: Database) {}

  /**
   * Takes a key that is free, expired, or held by a request that died.
   * @returns undefined when another request holds or has answered it
   */
  async reserve(
    scope: IdempotencyScope,
    requestHash: string,
    limits: { ttlMs: number; abandonedMs: number },
  ): Promise<Reservation | undefined> {
    const values = [scope.tenantId, scope.route, scope.key, requestHash, limits.ttlMs, limits.abandonedMs];
    const [row] = await this.database.query<{ token: Date }>(RESERVE, values);
    return row && { scope, token: row.token.toISOString() };
  }

  async find({ tenantId, route, key }: IdempotencyScope): Promise<StoredAnswer | undefined> {
    const [row] = await this.database.query<{ requestHash: string; status: number | null; body: string | null }>(FIND, [
      tenantId,
      route,
      key,
    ]);
    return row && { ...row, body: row.body === null ? null : JSON.parse(row.body) };
  }

  /** The body is kept as text inside the JSON column, so that a replay has the same bytes. */
  async complete({ scope, token }: Reservation, status: number, body: unknown): Promise<void> {
    const text = JSON.stringify(JSON.stringify(body ?? null));
    await this.database.query(COMPLETE, [scope.tenantId, scope.route, scope.key, token, status, text]);
  }

  /** Frees a key whose request failed. */
  async abandon({ scope, token }: Reservation): Promise<void> {
    await this.database.query(ABANDON, [scope.tenantId, scope.route, scope.key, token]);
  }

  async purge(ttlMs: number): Promise<void> {
    await this.database.query(PURGE, [ttlMs]);
  }
}

const RESERVE = {
  name: 'idempotency-reserve',
  text: `insert into idempotency_key as k (tenant_id, route, key, request_hash) values ($1, $2, $3, $4)
    on conflict (tenant_id, route, key) do update set request_hash = excluded.request_hash, status = null, body = null, created_at = now()
      where k.created_at < now() - $5::bigint * interval '1 millisecond'
        or (k.status is null and k.created_at < now() - $6::bigint * interval '1 millisecond')
    returning created_at as token`,
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
const ABANDON = { name: 'idempotency-abandon', text: `delete from idempotency_key where ${HELD}` };
const PURGE = {
  name: 'idempotency-purge',
  text: "delete from idempotency_key where created_at < now() - $1::bigint * interval '1 millisecond'",
};
