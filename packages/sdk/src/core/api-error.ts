import type { ErrorBody, ErrorCode } from '../generated/types.js';
import { asErrorBody } from '../internal/error-body.js';
import { readRetryAfterMs } from '../internal/retry-after.js';
import { InfluencerAIError } from './errors.js';

/** What an {@link APIError} is made of. */
export interface APIErrorInit {
  status: number;
  message: string;
  headers: Headers;
  /** The parsed body, or its text where it was not JSON. */
  body: unknown;
}

/**
 * The server answered with a status other than 2xx.
 *
 * @example
 * ```ts
 * try {
 *   await client.jobs.create({ type: 'lora-training', payload });
 * } catch (error) {
 *   if (error instanceof APIError && error.code === 'dataset_not_ready') await later();
 *   else throw error;
 * }
 * ```
 */
export class APIError extends InfluencerAIError {
  override readonly name: string = 'APIError';
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** Stable reason. A newer server may send others than those listed. */
  readonly code: ErrorCode | (string & {}) | undefined;
  /** For `validation_failed`: messages by field, and JSON pointers to each offending value. */
  readonly errors: ErrorBody['errors'];
  /** Quote it when you report a problem. */
  readonly requestId: string | undefined;
  /** How long the server asked to wait. */
  readonly retryAfterMs: number | undefined;

  constructor({ status, message, headers, body }: APIErrorInit) {
    super(message);
    const known = asErrorBody(body);
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.code = known.code;
    this.errors = known.errors;
    this.requestId = headers.get('x-request-id') ?? known.requestId;
    this.retryAfterMs = readRetryAfterMs(headers);
  }

  /** The same as `status`. */
  get statusCode(): number {
    return this.status;
  }
}

/** 400: the request breaks a rule; `errors.fieldErrors` says which field. */
export class BadRequestError extends APIError {
  override readonly name = 'BadRequestError';
}

/** 401: the tenant is missing or malformed. */
export class AuthenticationError extends APIError {
  override readonly name = 'AuthenticationError';
}

/** 403: the tenant may not do this. */
export class PermissionDeniedError extends APIError {
  override readonly name = 'PermissionDeniedError';
}

/** 404: there is no such thing, or it belongs to another tenant. */
export class NotFoundError extends APIError {
  override readonly name = 'NotFoundError';
}

/** 409: the request collides with the state of things, for example a name that is taken. */
export class ConflictError extends APIError {
  override readonly name = 'ConflictError';
}

/** 422: understood, but it cannot be carried out. */
export class UnprocessableEntityError extends APIError {
  override readonly name = 'UnprocessableEntityError';
}

/** 429: too many requests; `retryAfterMs` says how long to wait. */
export class RateLimitError extends APIError {
  override readonly name = 'RateLimitError';
}

/** 5xx: the server failed. */
export class InternalServerError extends APIError {
  override readonly name = 'InternalServerError';
}
