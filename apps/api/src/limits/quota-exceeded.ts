import { AppError } from '@influencerai/shared';

/** Nobody knows when jobs end or files go; it is not worth asking sooner. */
const RETRY_AFTER_S = 60;

export interface Shortage {
  /** What there is not enough of, in the plural. */
  quota: 'queued jobs' | 'bytes of storage';
  limit: number;
  used: number;
  wanted: number;
}

export const quotaExceeded = (shortage: Shortage): AppError =>
  new AppError('quota_exceeded', { ...shortage, retryAfterS: RETRY_AFTER_S });
