import { z } from 'zod';

/**
 * A whole number in a query, where everything is text. Coercion would take an empty one for 0, and `0x10` or `1e2`, too.
 */
export const fromDigits = <T extends z.ZodType<number>>(number: T) =>
  z.preprocess((text) => (typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : text), number);

/** `take` and `skip` as every 002-style list has them. */
export const PageQuerySchema = z.strictObject({
  take: fromDigits(z.int().min(1).max(100)).default(20).describe('Number of results (1-100).'),
  skip: fromDigits(z.int().min(0).max(2_147_483_647)).default(0).describe('Number of results to skip.'),
});
export type PageQuery = z.infer<typeof PageQuerySchema>;

export const SortOrderSchema = z.enum(['asc', 'desc']).default('desc').describe('Sort direction.');

/** One page of a list, as the domain hands it to a face. */
export interface Page<T> {
  data: T[];
  total: number;
  take: number;
  skip: number;
}

/** `{ data, total, take, skip }`, the envelope of configurations and jobs. */
export const pageSchema = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), total: z.int(), take: z.int(), skip: z.int() });

/** A row's place in its tenant's own count: its id to clients that know integers alone. */
export const NumberSchema = z.int().describe("The tenant's own count, from 1; the id of contracts with integer ids.");

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/**
 * Free-form JSON object that a client may attach; stored and returned as sent. The values inside are not walked: what a
 * JSON parser made is JSON, and the walk would be most of what a progress report costs.
 */
export const MetaSchema = z.record(z.string(), z.unknown() as unknown as z.ZodType<JsonValue, JsonValue>);
