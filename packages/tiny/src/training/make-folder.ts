import { mkdir, realpath } from 'node:fs/promises';

/**
 * Creates a folder below the workspace, with those on the way to it.
 * @throws Error `ENOENT` when the workspace is gone: Node's recursive `mkdir` would then try for ever
 */
export const makeFolder = async (path: string): Promise<void> => {
  await realpath('.');
  await mkdir(path, { recursive: true });
};
