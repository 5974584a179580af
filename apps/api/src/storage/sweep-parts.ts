import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../http/error-code.js';

/** Removes the parts to which nobody has written for so long. @returns how many */
export async function sweepParts(folder: string, idleMs: number): Promise<number> {
  const names = await orNone(readdir(folder), []);
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await orNone(stat(path), undefined);
    if (!found || Date.now() - found.mtimeMs < idleMs) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

/** What is not there any more needs no sweeping. */
const orNone = <T, None>(found: Promise<T>, none: None): Promise<T | None> =>
  found.catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error;
    return none;
  });
