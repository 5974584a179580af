import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Absolute paths of the files in a worker's dataset cache. */
export async function cachedFiles(cacheDir: string): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** The sha256 of each file's content by its name, which should be the same. */
export async function cachedContents(cacheDir: string): Promise<Map<string, string>> {
  const hashes = (await cachedFiles(cacheDir)).map(async (file): Promise<[string, string]> => {
    const content = await readFile(file);
    return [path.basename(file), createHash('sha256').update(content).digest('hex')];
  });
  return new Map(await Promise.all(hashes));
}
