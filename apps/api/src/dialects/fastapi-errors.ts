import type { AppError, FieldIssue } from '@influencerai/shared';
import { z } from 'zod';
import { REQUIRED } from './left-out.schema.js';

/*
 * Errors as FastAPI has them, which the services behind two faces were built with: `{ "detail": … }`, a sentence, or with
 * 422 a list of what is wrong with the form of a request.
 */

/** One thing that is wrong with the form of a request. */
export const FormProblemSchema = z.object({
  loc: z
    .array(z.union([z.string(), z.int()]))
    .describe('`body`, `query` or `path`, then the way to the value: `["body", "steps"]`.'),
  msg: z.string(),
  type: z.enum(['missing', 'extra_forbidden', 'json_invalid', 'value_error']),
});
export type FormProblem = z.infer<typeof FormProblemSchema>;

export const DetailSchema = z.object({
  detail: z
    .union([z.string(), z.array(FormProblemSchema)])
    .describe('A sentence; of a request that has not the right form (422) a list of what is wrong with it.'),
});
export type Detail = z.infer<typeof DetailSchema>;

/** Whether a request has not the right form, which is answered with 422, and not by a rule that it breaks. */
export const isMalformed = ({ code, details }: AppError): boolean =>
  details.part !== undefined || code === 'body_malformed' || code === 'media_type_unsupported';

/** What is wrong with the form of a request; undefined when a sentence has to say what the error is. */
export function problemsOf({ code, message, details: { issues, part } }: AppError): FormProblem[] | undefined {
  if (code === 'body_malformed') return [{ loc: ['body'], msg: message, type: 'json_invalid' }];
  if (code === 'media_type_unsupported') return [{ loc: ['body'], msg: message, type: 'value_error' }];
  if (!issues || part === undefined) return undefined;
  return issues.map((issue) => ({ loc: [part, ...issue.path], ...problemOf(issue) }));
}

function problemOf({ message }: FieldIssue): Pick<FormProblem, 'msg' | 'type'> {
  if (message === 'Unknown field.') return { msg: 'Extra inputs are not permitted', type: 'extra_forbidden' };
  const isMissing = message === REQUIRED || message.endsWith('received undefined');
  return isMissing ? { msg: REQUIRED, type: 'missing' } : { msg: message, type: 'value_error' };
}
