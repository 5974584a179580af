import { lstat, realpath } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { hasCode } from '../http/error-code.js';

/** The path leads out of the root, by its text or through a link. */
export class EscapeError extends Error {
  override readonly name = 'EscapeError';
}

/**
 * The absolute path of `relative` below `root`. Follows the links in its deepest existing folder, so that one that leads
 * outside is found even when the rest does not exist yet.
 * @throws EscapeError
 */
export async function confine(root: string, relative: string): Promise<string> {
  const path = resolve(root, relative);
  if (relative.includes('\0') || !isBelow(root, path))
    throw new EscapeError(`${relative} leads out of the data folder.`);
  const [realRoot, realPath] = await Promise.all([realpath(root), realpathOfExisting(path)]);
  if (!isBelow(realRoot, realPath)) throw new EscapeError(`${relative} leads out of the data folder through a link.`);
  return path;
}

async function realpathOfExisting(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasCode(error, 'ELOOP', 'ENAMETOOLONG') || (await isLink(path))) {
      throw new EscapeError('A link in the path leads nowhere.', { cause: error });
    }
    if (!hasCode(error, 'ENOENT', 'ENOTDIR') || dirname(path) === path) throw error;
    return realpathOfExisting(dirname(path));
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** Whether one of the folders that the path names is a file, so that nothing can be stored there. */
export async function isBelowFile(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return hasCode(error, 'ENOTDIR');
    throw error;
  }
}

const isBelow = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
