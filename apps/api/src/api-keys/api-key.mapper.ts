import type { ApiKey, Scope } from '@influencerai/shared';
import { prefixOf } from '../auth/api-key.js';

/** What is read of a row of the table `api_key`; never its hashes. */
export interface ApiKeyRow {
  id: string;
  tenantId: string | null;
  userId: string | null;
  name: string;
  lookup: string;
  scopes: string[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  rotatedAt: Date | null;
  previousExpiresAt: Date | null;
  lastUsedAt: Date | null;
  createdAt: Date;
}

/** The column of scopes is only ever written from the type that it is read as. */
export const fromRow = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  tenantId: row.tenantId,
  userId: row.userId,
  name: row.name,
  prefix: prefixOf(row.lookup),
  scopes: row.scopes as Scope[],
  expiresAt: toText(row.expiresAt),
  revokedAt: toText(row.revokedAt),
  rotatedAt: toText(row.rotatedAt),
  previousExpiresAt: toText(row.previousExpiresAt),
  lastUsedAt: toText(row.lastUsedAt),
  createdAt: row.createdAt.toISOString(),
});

const toText = (at: Date | null): string | null => at?.toISOString() ?? null;
