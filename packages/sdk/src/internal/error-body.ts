import type { ErrorBody } from '../generated/types.js';

export type LooseErrorBody = Partial<Omit<ErrorBody, 'code'>> & { code?: string };

/** What is usable of an error's body. Those of proxies in between look different, so every member may be missing. */
export function asErrorBody(body: unknown): LooseErrorBody {
  if (typeof body !== 'object' || body === null) return {};
  const { message, code, errors, requestId } = body as ErrorBody;
  return { errors, message: textOf(message), code: textOf(code), requestId: textOf(requestId) };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
