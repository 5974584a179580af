import { Injectable } from '@nestjs/common';
import {
  type ApiKey,
  AppError,
  type CreateApiKey,
  type ListApiKeysQuery,
  type Page,
  type Scope,
} from '@influencerai/shared';
import type { KeyRecord } from '../auth/api-key.js';
import { Database } from '../database/database.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import { fromRow } from './api-key.mapper.js';

/** The owner of keys: a tenant, or null for those of operators and workers. */
export type KeyOwner = string | null;

@Injectable()
export class ApiKeysRepository {
  constructor(private readonly database: Database) {}

  /** @throws AppError `user_not_found` */
  async create(owner: KeyOwner, input: CreateApiKey, secret: KeyRecord): Promise<ApiKey> {
    const { name, scopes, userId, expiresAt } = input;
    if (userId !== null) await this.requireUser(owner, userId);
    const row = await this.database.prisma.apiKey.create({
      data: {
        id: newId(),
        tenantId: owner,
        userId,
        name,
        scopes,
        expiresAt,
        lookup: secret.lookup,
        secretHash: secret.hash,
      },
    });
    return fromRow(row);
  }

  async list(owner: KeyOwner, { take, skip }: ListApiKeysQuery): Promise<Page<ApiKey>> {
    const where = { tenantId: owner };
    const [rows, total] = await Promise.all([
      this.database.prisma.apiKey.findMany({ where, take, skip, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] }),
      this.database.prisma.apiKey.count({ where }),
    ]);
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `api_key_not_found` */
  async getById(owner: KeyOwner, id: string): Promise<ApiKey> {
    const row = isUuid(id) ? await this.database.prisma.apiKey.findFirst({ where: { id, tenantId: owner } }) : null;
    if (!row) throw new AppError('api_key_not_found', { id });
    return fromRow(row);
  }

  /** Keeps a key of no tenant unless one with its public part exists, revoked or not. */
  async ensure(name: string, scopes: Scope[], { lookup, hash }: KeyRecord): Promise<void> {
    const data = { id: newId(), name, scopes, lookup, secretHash: hash };
    await this.database.prisma.apiKey.createMany({ data, skipDuplicates: true });
  }

  /** Revokes what else of no tenant has the name. */
  async revokeOthers(name: string, lookup: string): Promise<void> {
    await this.database.prisma.apiKey.updateMany({
      where: { tenantId: null, name, lookup: { not: lookup }, revokedAt: null },
      data: { revokedAt: new Date() },
    });
  }

  /** A key that is revoked already stays as it is. @throws AppError `api_key_not_found` */
  async revoke(owner: KeyOwner, id: string): Promise<ApiKey> {
    if (!isUuid(id)) throw new AppError('api_key_not_found', { id });
    await this.database.prisma.apiKey.updateMany({
      where: { id, tenantId: owner, revokedAt: null },
      data: { revokedAt: new Date() },
    });
    return this.getById(owner, id);
  }

  /**
   * Replaces the secret; the one before stays good for a while, the one before that does not.
   * @throws AppError `api_key_not_found`, `api_key_over`
   */
  async rotate(owner: KeyOwner, id: string, { hash, overlapSeconds }: Rotation): Promise<ApiKey> {
    if (!isUuid(id)) throw new AppError('api_key_not_found', { id });
    const { rows } = await this.database.pool.query<{ id: string }>(ROTATE, [id, owner, hash, overlapSeconds]);
    const key = await this.getById(owner, id);
    if (rows.length === 0) throw new AppError('api_key_over', { id });
    return key;
  }

  private async requireUser(owner: KeyOwner, id: string): Promise<void> {
    const found = owner === null ? 0 : await this.database.prisma.tenantUser.count({ where: { tenantId: owner, id } });
    if (found === 0) throw new AppError('user_not_found', { id });
  }
}

interface Rotation {
  hash: string;
  overlapSeconds: number;
}

const ROTATE = `update api_key set previous_hash = secret_hash, previous_expires_at = now() + $4::int * interval '1 second',
    secret_hash = $3, rotated_at = now()
  where id = $1 and tenant_id is not distinct from $2 and revoked_at is null and (expires_at is null or expires_at > now()) returning id`;
