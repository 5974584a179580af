import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { hasCode } from '../http/error-code.js';
import { assertKey, EscapeError } from './storage-key.js';
import { fenceOf } from './tenant-roots.js';

/**
 * The absolute path of a key below `root`. Follows the links in its deepest existing folder, so that one that leads out
 * of the root, or out of the tenant's root that the key lies in, is found even when the rest does not exist yet.
 * @throws EscapeError
 */
export async function confine(root: string, key: string): Promise<string> {
  assertKey(key);
  const path = join(root, key);
  const [realRoot, realPath] = await Promise.all([realpath(root), realpathOf(path)]);
  // The root of a tenant is a plain folder: were it a link, it might be one to another tenant's.
  if (!isBelow(join(realRoot, fenceOf(key)), realPath)) throw new EscapeError(`A link in ${key} leads elsewhere.`);
  return path;
}

/** Where a path really leads; what does not exist yet is taken as it is written. */
async function realpathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasCode(error, 'ELOOP', 'ENAMETOOLONG') || (await isLink(path))) {
      throw new EscapeError('A link in the path leads nowhere.', { cause: error });
    }
    if (!hasCode(error, 'ENOENT', 'ENOTDIR') || dirname(path) === path) throw error;
    return join(await realpathOf(dirname(path)), basename(path));
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
