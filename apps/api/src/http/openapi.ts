import { applyDecorators } from '@nestjs/common';
import { ApiProduces, ApiResponse } from '@nestjs/swagger';
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

/** Documents a download: the file, a range of it, or that the client has it already. */
export const AnswersFile = (...types: string[]) =>
  applyDecorators(
    ApiProduces(...types),
    ApiResponse({ status: 200, description: 'The file.' }),
    ApiResponse({ status: 206, description: 'The range asked for.' }),
    ApiResponse({ status: 304, description: 'Unchanged since the `ETag` in `If-None-Match`.' }),
  );

/** Documents a download that hands out a link instead, when asked to. */
export const AnswersLink = () =>
  ApiResponse({
    status: 302,
    description: 'With `redirect=true`: a link to the file is in `Location`.',
    headers: { Location: { description: 'Needs no credentials.', schema: { type: 'string' } } },
  });

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
