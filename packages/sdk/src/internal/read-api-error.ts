import {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from '../core/api-error.js';
import { asErrorBody } from './error-body.js';

const BY_STATUS: Record<number, typeof APIError> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};

/** Makes the error of an answer that is not 2xx. A body that breaks off does not hide the status. */
export async function readApiError(response: Response): Promise<APIError> {
  const { status, statusText, headers } = response;
  const body = parse(await response.text().catch(() => ''));
  const message = asErrorBody(body).message ?? `The server answered ${status} ${statusText}`.trim();
  const ErrorClass = BY_STATUS[status] ?? (status >= 500 ? InternalServerError : APIError);
  return new ErrorClass({ status, message, headers, body });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
