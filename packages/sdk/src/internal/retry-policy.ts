import { APIError } from '../core/api-error.js';
import { ConnectionError, TimeoutError } from '../core/errors.js';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 8_000;
/** A server that asks for more is believed, but the caller decides whether to wait that long. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** System errors that occur before a byte of the request was sent. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** Failures that may pass when the same request is sent again. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true;
  if (!(error instanceof APIError)) return false;
  // The first attempt of ours still runs on the server, whose answer comes with the next one.
  if (error.code === 'idempotency_key_in_use') return true;
  // Frees itself when jobs or files go, not by waiting a little.
  if (error.code === 'quota_exceeded') return false;
  return error.status === 408 || error.status === 429 || error.status >= 500;
}

/** Failures that are sure to have had no effect. */
function isWithoutEffect(error: unknown): boolean {
  if (error instanceof APIError) return error.status === 429;
  return error instanceof ConnectionError && NEVER_SENT.has(codeOf(error.cause) ?? '');
}

/** The system's error code, which `fetch` buries below its own error. Errors of another realm count, too. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}

/** How long to wait before the next attempt; undefined when there must be none. `attempt` counts from 0. */
export function retryDelayMs(error: unknown, { attempt, isRepeatable }: Try): number | undefined {
  if (!isTransient(error) || !(isRepeatable || isWithoutEffect(error))) return undefined;
  const wanted = retryAfterOf(error);
  if (wanted === undefined) return backoffMs(attempt);
  return wanted <= LONGEST_RETRY_AFTER_MS ? wanted : undefined;
}

interface Try {
  attempt: number;
  isRepeatable: boolean;
}

export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof APIError ? error.retryAfterMs : undefined;

/** 0.5 s, 1 s, 2 s … 8 s, each shortened by up to a quarter so that clients spread out. */
export const backoffMs = (attempt: number, firstMs = FIRST_DELAY_MS): number =>
  Math.min(firstMs * 2 ** attempt, LONGEST_DELAY_MS) * (1 - Math.random() * 0.25);
