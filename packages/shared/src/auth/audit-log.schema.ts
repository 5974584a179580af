import { z } from 'zod';

export const ListAuditLogQuerySchema = z.strictObject({
  before: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000_000_000_000)
    .optional()
    .describe('`cursor` of the page before: entries older than it.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Number of entries (1-1000).'),
});
export type ListAuditLogQuery = z.infer<typeof ListAuditLogQuerySchema>;

export const AuditEntrySchema = z.object({
  id: z.int(),
  at: z.iso.datetime(),
  tenantId: z.string().nullable().describe('Null: it concerned no tenant.'),
  keyId: z.string().nullable().describe('The API key; null for a token.'),
  userId: z.string().nullable(),
  method: z.string(),
  route: z.string().describe('What was done, e.g. `/jobs/:id/cancel`.'),
  path: z.string().describe('To what, e.g. `/jobs/0199…/cancel`.'),
  status: z.int().describe('What came of it: the status of the answer.'),
  requestId: z.string(),
  address: z.string().describe('Where the request came from.'),
});
export type AuditEntry = z.infer<typeof AuditEntrySchema>;

export const AuditVerificationSchema = z
  .object({
    entries: z.int(),
    brokenAt: z.int().nullable().describe('The first entry that was changed, or whose predecessor is gone.'),
  })
  .meta({ example: { entries: 4711, brokenAt: null } });
export type AuditVerification = z.infer<typeof AuditVerificationSchema>;

export const AuditLogPageSchema = z
  .object({
    data: z.array(AuditEntrySchema),
    hasMore: z.boolean(),
    cursor: z.int().nullable().describe('Send it as `before` to get the next page.'),
  })
  .meta({
    example: {
      data: [
        {
          id: 4711,
          at: '2026-01-15T11:00:00.000Z',
          tenantId: 'tenant_demo',
          keyId: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
          userId: 'ada',
          method: 'POST',
          route: '/jobs/:id/cancel',
          path: '/jobs/0199d3a1-0000-7000-8000-000000000000/cancel',
          status: 200,
          requestId: '5f0c9a3e',
          address: '203.0.113.7',
        },
      ],
      hasMore: false,
      cursor: 4711,
    },
  });
export type AuditLogPage = z.infer<typeof AuditLogPageSchema>;
