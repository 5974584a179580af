import type { ErrorCode } from '@influencerai/shared';

/** A request that means harm, and the refusal that it must get. `$JOB`, `$DATASET` and `$CONFIG` stand for real ids. */
export interface HostileRequest {
  name: string;
  route: string;
  headers?: Record<string, string>;
  /** Sent as JSON; a string or bytes as they are. */
  body?: unknown;
  refusal: { status: number; code: ErrorCode; field?: string };
}

export const invalid = (field?: string) => ({ status: 400, code: 'validation_failed', field }) as const;
