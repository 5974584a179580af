import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { hasCode } from '../http/error-code.js';

/** Undefined when nothing is there (any more). */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** A file that was replaced or written to has another one, even when it kept its size and its date. */
export const versionOf = ({ size, mtimeMs, ctimeMs, ino }: Stats): string =>
  [size, mtimeMs, ctimeMs, ino].map((part) => part.toString(36)).join('-');
