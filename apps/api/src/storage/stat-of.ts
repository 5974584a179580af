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
