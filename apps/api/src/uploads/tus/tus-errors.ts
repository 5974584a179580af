import { AppError, fieldError } from '@influencerai/shared';
import { ERRORS } from '@tus/server';

/** What the library throws, by its own table, in the words of the catalogue. */
const TRANSLATIONS = new Map<unknown, (context: { id: string; limit: string }) => AppError>([
  [ERRORS.FILE_NOT_FOUND, ({ id }) => new AppError('upload_not_found', { id })],
  [ERRORS.FILE_NO_LONGER_EXISTS, ({ id }) => new AppError('upload_not_found', { id })],
  [ERRORS.MISSING_OFFSET, () => fieldError(['upload-offset'], 'The header is missing.')],
  [ERRORS.INVALID_LENGTH, () => fieldError(['upload-length'], 'Must be the size of the file in bytes.')],
  [ERRORS.INVALID_METADATA, () => fieldError(['upload-metadata'], METADATA)],
  [ERRORS.UNSUPPORTED_CREATION_DEFER_LENGTH_EXTENSION, () => fieldError(['upload-defer-length'], 'Is not supported.')],
  [ERRORS.UNSUPPORTED_CONCATENATION_EXTENSION, () => fieldError(['upload-concat'], 'Is not supported.')],
  [ERRORS.INVALID_CONTENT_TYPE, () => mediaType('none')],
  [ERRORS.INVALID_OFFSET, ({ id }) => new AppError('upload_offset_mismatch', { id })],
  [ERRORS.ERR_SIZE_EXCEEDED, () => new AppError('upload_too_large', { what: 'it may have', limit: 'Upload-Length' })],
  [ERRORS.ERR_MAX_SIZE_EXCEEDED, ({ limit }) => new AppError('upload_too_large', { what: 'it may have', limit })],
  [ERRORS.ERR_LOCK_TIMEOUT, ({ id }) => new AppError('upload_in_use', { id })],
  [ERRORS.ABORTED, ({ id }) => new AppError('upload_in_use', { id })],
]);

const METADATA = 'Must be pairs of a key and a value in base64, with commas between, each key once.';

/** @returns the error itself when the library did not make it */
export function translate(thrown: unknown, context: { id: string; limit: string }): unknown {
  const known = TRANSLATIONS.get(thrown)?.(context);
  if (known) return known;
  // What stops a body that goes on after the announced size is no constant of the table.
  const isTooMuch = thrown instanceof Error && 'status_code' in thrown && thrown.status_code === 413;
  return isTooMuch ? new AppError('upload_too_large', { what: 'it may have', limit: 'Upload-Length' }) : thrown;
}

/** The library answers wrong headers by itself: "Invalid upload-offset content-type". */
export function refuseHeaders(text: string): AppError {
  const names = /^Invalid (.+)/.exec(text.trim())?.[1]?.split(' ') ?? [];
  const issues = names.map((name) => ({ path: [name], message: 'Is no valid value of this header.' }));
  return new AppError('validation_failed', { issues });
}

export const mediaType = (contentType: string): AppError =>
  new AppError('media_type_unsupported', { contentType, expected: 'application/offset+octet-stream' });
