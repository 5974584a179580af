import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { inRepo } from './built.ts';

/** Writes a file of this checkout in the project's format. The same content gives the same bytes. */
export async function writeGenerated(file: string, content: string): Promise<void> {
  const path = inRepo(file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await formatted(path, content));
}

async function formatted(path: string, content: string): Promise<string> {
  if (!/\.(json|md)$/.test(path)) return content;
  return format(content, { ...(await resolveConfig(path)), filepath: path });
}
