import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';

/** Documents one answer of a route by its schema, and headers worth reading by what they hold. */
export const Answers = (status: number, schema: z.ZodType, description: string, headers: Record<string, string> = {}) =>
  applyDecorators(
    ApiResponse({
      status,
      standardSchema: schema,
      description,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: 'integer' } }]),
      ),
    }),
  );

/** Documents the error answers of a route, all in the one error format. */
export const Refuses = (refusals: Record<number, string>) =>
  applyDecorators(
    ...Object.entries(refusals).map(([status, description]) =>
      ApiResponse({ status: Number(status), ...refusal(description) }),
    ),
  );

const refusal = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
});
