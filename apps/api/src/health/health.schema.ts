import { z } from 'zod';

export const LiveSchema = z.object({ status: z.literal('ok') });
export type Live = z.infer<typeof LiveSchema>;

const CheckSchema = z.literal('ok');

export const ReadySchema = z.object({
  status: z.literal('ok'),
  checks: z.object({ database: CheckSchema, queue: CheckSchema, storage: CheckSchema }),
});
export type Ready = z.infer<typeof ReadySchema>;
