import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** The worker's id, made once and kept in its folder, so that the API knows it again after a restart. */
export const workerId = async (workerDir: string): Promise<string> => {
  const file = join(workerDir, 'worker-id');
  const kept = z.uuid().safeParse(await readIfThere(file));
  if (kept.success) return kept.data;
  const id = randomUUID();
  await mkdir(workerDir, { recursive: true });
  await writeFile(file, `${id}\n`);
  return id;
};

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};
