import { S3ServiceException } from '@aws-sdk/client-s3';
import { AppError } from '@influencerai/shared';

const INSUFFICIENT_STORAGE = 507;
const FULL = ['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'];

/** Whether the store says that there is no such object, or no such bucket: to a HEAD it says no more. */
export const isMissing = (error: unknown): boolean =>
  error instanceof S3ServiceException && (error.name === 'NoSuchKey' || error.name === 'NotFound');

/** What callers of the storage port know: `ENOENT`, as files have it, or that the store is full or cannot be used. */
export function toStorageError(error: unknown): Error {
  if (!isMissing(error)) return isFull(error) ? failure('storage_full', error) : unavailable(error);
  return Object.assign(new Error('No such object.', { cause: plain(error) }), { code: 'ENOENT' });
}

export const unavailable = (error: unknown): AppError => failure('storage_unavailable', error);

const isFull = (error: unknown): boolean =>
  error instanceof S3ServiceException &&
  (error.$metadata.httpStatusCode === INSUFFICIENT_STORAGE || FULL.includes(error.name));

const failure = (code: 'storage_full' | 'storage_unavailable', error: unknown): AppError =>
  new AppError(code, {}, { cause: plain(error) });

/** Errors of the client library can carry the request; the log needs what went wrong and nothing else. */
const plain = (error: unknown): Error => new Error(String(error));
