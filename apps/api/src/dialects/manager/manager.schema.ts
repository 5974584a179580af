import { fromDigits } from '@influencerai/shared';
import { z } from 'zod';
import { numberOrText } from '../number-or-text.schema.js';

/** An id as the clients of this face know it, in a path. */
export const NumberSchema = fromDigits(z.int().min(0).max(999_999_999_999_999));

/** An id within a body; one that nothing has breaks a rule, whatever integer it is. */
export const ReferenceSchema = numberOrText(z.int());

/** `page` and `page_size`, as every list has them. What else a query says is ignored. */
export const pageQuerySchema = ({ size, most = 100 }: { size: number; most?: number }) =>
  z.object({
    page: fromDigits(z.int().min(1).max(10_000_000)).default(1).describe('Page number.'),
    page_size: fromDigits(z.int().min(1).max(most)).default(size).describe(`Items per page (1-${most}).`),
  });
export type PageQuery = z.infer<ReturnType<typeof pageQuerySchema>>;

/** A page of a list. */
export const pageOfSchema = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    total: z.int(),
    page: z.int(),
    page_size: z.int(),
    pages: z.int().describe('Number of pages there are; 0 of an empty list.'),
  });
/** See {@link pageOfSchema}. */
export interface PageOf<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
  pages: number;
}

export const HealthSchema = z
  .object({
    status: z.literal('healthy'),
    version: z.string().describe('Of this contract.'),
    environment: z.enum(['development', 'production']),
  })
  .meta({ id: 'Health', example: { status: 'healthy', version: '1.0.0', environment: 'production' } });
export type Health = z.infer<typeof HealthSchema>;
