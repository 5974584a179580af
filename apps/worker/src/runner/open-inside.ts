import { constants } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';

/** Waits for nobody at the other end of a pipe. Windows knows neither flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file that a trainer wrote. The trainer may still run, and put a link in the place of the file or of a folder
 * above it at any time: so what counts is what was opened, not what its path led to before or after.
 * @param root folder that the file must lie below, over no link
 * @throws Error when it lies elsewhere, or is no regular file
 */
export const openInside = async (root: string, file: string): Promise<FileHandle> => {
  const handle = await openPlain(file);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error(`${file} is no regular file.`);
    const [top, place] = await Promise.all([realpath(root), placeOf(handle, file)]);
    if (!place.startsWith(top + sep)) throw new Error(`${file} lies outside the workspace.`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

/** A path that leads to the opened file itself while it is open, whatever happens to its name. */
export const pathOf = async (handle: FileHandle, file: string): Promise<string> => {
  const path = descriptorPath(handle);
  return (await linkOf(path)) === undefined ? file : path;
};

const openPlain = async (file: string): Promise<FileHandle> => {
  try {
    return await open(file, FLAGS);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new Error(`${file} is a link.`, { cause: error });
  }
};

const placeOf = async (handle: FileHandle, file: string): Promise<string> =>
  (await linkOf(descriptorPath(handle))) ?? realpath(file);

const descriptorPath = ({ fd }: FileHandle): string => `/proc/self/fd/${fd}`;

/** Undefined on systems that do not say where an open file lies: all but Linux. */
const linkOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
};
