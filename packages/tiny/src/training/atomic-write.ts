import { open, rename } from 'node:fs/promises';
import { dirname, join, basename } from 'node:path';
import { makeFolder } from './make-folder.js';

/** Write a file so that a reader sees all of it or none: temporary name, fsync, rename. Creates the folder. */
export const writeAtomically = async (path: string, content: Uint8Array | string): Promise<void> => {
  await makeFolder(dirname(path));
  const temporary = join(dirname(path), `.${basename(path)}.partial`);
  await writeDurably(temporary, content);
  await rename(temporary, path);
};

/** Write a file and wait until it is on disk. */
export const writeDurably = async (path: string, content: Uint8Array | string): Promise<void> => {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
};
