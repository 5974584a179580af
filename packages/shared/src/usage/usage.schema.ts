import { z } from 'zod';

const limited = z.object({ used: z.int(), limit: z.int() });

export const RateUsageSchema = z.object({
  policy: z
    .string()
    .describe('As in the header `RateLimit-Policy`: `read` or `write`, and `face-…` through other contracts.'),
  limit: z.int().describe('Requests in a window.'),
  remaining: z.int().nullable().describe('How many are left; null while they cannot be counted.'),
  windowSeconds: z.int(),
  resetAt: z.iso.datetime().nullable().describe('When the window ends; null when none runs.'),
});
export type RateUsage = z.infer<typeof RateUsageSchema>;

export const UsageSchema = z
  .object({
    jobs: z.object({
      running: z.int(),
      admitted: limited.describe('Jobs that are `pending` or `running`; further ones are queued.'),
      queued: limited.describe('Beyond the limit, submissions are refused.'),
    }),
    storage: z
      .object({ usedBytes: z.int(), limitBytes: z.int() })
      .describe('Uploads and files of jobs. Files of running jobs are kept even beyond the limit.'),
    rates: z.array(RateUsageSchema).describe('Limits on requests; empty where the server has none.'),
  })
  .meta({
    example: {
      jobs: { running: 1, admitted: { used: 2, limit: 5 }, queued: { used: 0, limit: 1000 } },
      storage: { usedBytes: 268435456, limitBytes: 107374182400 },
      rates: [{ policy: 'read', limit: 100, remaining: 95, windowSeconds: 60, resetAt: '2026-01-15T11:30:00.000Z' }],
    },
  });
export type Usage = z.infer<typeof UsageSchema>;
