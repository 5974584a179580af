import { ERRORS, type ErrorCode, type ErrorSpec } from './error-catalogue.js';

/** One rule that a request broke. `path` leads to the offending value, e.g. `['payload', 'datasetId']`. */
export interface FieldIssue {
  path: readonly (string | number)[];
  message: string;
}

export interface AppErrorDetails {
  issues?: readonly FieldIssue[];
  /** The part of the request that the issues are about, where its form alone is wrong. */
  part?: 'body' | 'query' | 'path';
  /** Seconds after which the same call may succeed. */
  retryAfterS?: number;
  [name: string]: unknown;
}

/** The one error class of the domain. Faces render it; nothing else decides a status code. */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: ErrorCode,
    readonly details: AppErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(fillIn(ERRORS[code].message, details), options);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get isRetryable(): boolean {
    return (ERRORS[this.code] as ErrorSpec).isRetryable ?? false;
  }
}

/** A `validation_failed` error about one field. */
export const fieldError = (path: readonly (string | number)[], message: string): AppError =>
  new AppError('validation_failed', { issues: [{ path, message }] });

const fillIn = (template: string, details: AppErrorDetails): string =>
  template.replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    details[name] === undefined ? placeholder : String(details[name]),
  );
