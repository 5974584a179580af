import { z } from 'zod';
import { ERROR_CODES } from '../errors/error-catalogue.js';

/**
 * Every answer that is not 2xx on the native face: the members of the 002 contract (`statusCode`, `message`,
 * `errors.fieldErrors`) beside those of RFC 9457 problem details.
 */
export const ErrorBodySchema = z
  .object({
    statusCode: z.int(),
    message: z.string(),
    errors: z
      .object({
        fieldErrors: z.record(z.string(), z.array(z.string())).describe('Messages by field; nested fields are dotted.'),
        issues: z.array(z.object({ pointer: z.string().describe('JSON pointer (RFC 6901).'), message: z.string() })),
      })
      .optional(),
    code: z.enum(ERROR_CODES).describe('Stable, machine-readable reason; `docs/errors.md` lists all.'),
    type: z.string().describe('URI reference of the problem type.'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('Path of the request.'),
    requestId: z.string().optional().describe('On 5xx answers; the header `x-request-id` has it on all.'),
  })
  .meta({
    example: {
      statusCode: 400,
      message: 'Validation failed',
      errors: {
        fieldErrors: { learningRate: ['Number must be greater than 0.000001'] },
        issues: [{ pointer: '/learningRate', message: 'Number must be greater than 0.000001' }],
      },
      code: 'validation_failed',
      type: '/docs/errors#validation_failed',
      title: 'Validation failed',
      status: 400,
      detail: 'learningRate: Number must be greater than 0.000001',
      instance: '/lora-configs',
    },
  });
export type ErrorBody = z.infer<typeof ErrorBodySchema>;
