/** True when a system call failed for one of these reasons. */
export const hasCode = (error: unknown, ...codes: string[]): boolean => codes.includes(codeOf(error));

/** `ENOENT` and the like; empty for other errors. */
export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
