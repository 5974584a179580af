/** A key leads, or would lead, to a place that is not the caller's. */
export class EscapeError extends Error {
  override readonly name = 'EscapeError';
}

/**
 * Keys are written in one way only: names with single slashes between, none of them `.` or `..`.
 * @throws EscapeError
 */
export function assertKey(key: string): void {
  const names = key.split('/');
  if (key.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..'))
    throw new EscapeError(`${JSON.stringify(key)} is no key of a file.`);
}
