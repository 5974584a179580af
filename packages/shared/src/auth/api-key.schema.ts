import { z } from 'zod';
import { PageQuerySchema, pageSchema } from '../http/page.schema.js';
import { ScopeSchema } from './scope.js';
import { UserIdSchema } from './user.schema.js';

const DAY_S = 86_400;

const name = z.string().trim().min(1).max(100).describe('What the key is for, 1-100 characters.');
const scopes = z
  .array(ScopeSchema)
  .min(1)
  .max(4)
  .refine((given) => new Set(given).size === given.length, 'Must not name a scope twice.')
  .describe('What it may do. `worker` is for keys of operators alone.');

export const CreateApiKeySchema = z
  .strictObject({
    name,
    scopes: scopes.default(['read', 'write']),
    userId: UserIdSchema.nullable().default(null).describe('The user who acts with it; created beforehand.'),
    expiresAt: z.iso.datetime().nullable().default(null).describe('When it stops working; null: never.'),
  })
  .meta({ example: { name: 'n8n', scopes: ['read', 'write'], expiresAt: '2027-01-15T00:00:00.000Z' } });
export type CreateApiKey = z.infer<typeof CreateApiKeySchema>;

export const RotateApiKeySchema = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(30 * DAY_S)
      .default(DAY_S)
      .describe('How long the old secret goes on working, in seconds (0 to 30 days).'),
  })
  .meta({ example: { overlapSeconds: 3600 } });
export type RotateApiKey = z.infer<typeof RotateApiKeySchema>;

export const ListApiKeysQuerySchema = PageQuerySchema;
export type ListApiKeysQuery = z.infer<typeof ListApiKeysQuerySchema>;

const fields = {
  id: z.string(),
  tenantId: z.string().nullable().describe('Null: a key of an operator or of workers.'),
  userId: z.string().nullable(),
  name: z.string(),
  prefix: z.string().describe('The public beginning of the key, to tell keys apart.'),
  scopes: z.array(ScopeSchema),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  rotatedAt: z.iso.datetime().nullable().describe('When the secret was last replaced.'),
  previousExpiresAt: z.iso.datetime().nullable().describe('Until when the secret before the rotation works.'),
  lastUsedAt: z.iso.datetime().nullable().describe('To the minute.'),
  createdAt: z.iso.datetime(),
};

const example = {
  id: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
  tenantId: 'tenant_demo',
  userId: null,
  name: 'n8n',
  prefix: 'iak_4f9Zk2QpLx7B',
  scopes: ['read', 'write'],
  expiresAt: '2027-01-15T00:00:00.000Z',
  revokedAt: null,
  rotatedAt: null,
  previousExpiresAt: null,
  lastUsedAt: null,
  createdAt: '2026-01-15T11:00:00.000Z',
};

export const ApiKeySchema = z.object(fields).meta({ example });
export type ApiKey = z.infer<typeof ApiKeySchema>;

export const ApiKeyPageSchema = pageSchema(ApiKeySchema);

/** The one answer that holds the key itself. */
export const NewApiKeySchema = z
  .object({ ...fields, key: z.string().describe('The key itself. It is shown here and never again.') })
  .meta({ example: { ...example, key: 'iak_4f9Zk2QpLx7B_0123456789abcdefghijABCDEFGHIJ01234567' } });
export type NewApiKey = z.infer<typeof NewApiKeySchema>;
