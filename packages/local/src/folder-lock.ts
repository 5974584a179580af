import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from './process-alive.js';
import { explainWriteError, SetupError } from './setup-error.js';

/** Keeps a second process of the same kind out of a folder; returns how to let go. */
export const lockFolder = async (folder: string, who: string): Promise<() => Promise<void>> => {
  const file = path.join(folder, 'lock');
  try {
    await mkdir(folder, { recursive: true });
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder && holder !== process.pid && isAlive(holder)) {
      throw new SetupError(`${who} runs already (process ${holder}): wait for it or stop it.`);
    }
    await writeFile(file, String(process.pid));
  } catch (error) {
    throw explainWriteError(folder, error);
  }
  return () => rm(file, { force: true });
};
