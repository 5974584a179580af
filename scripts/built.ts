import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Path of a file of this checkout. */
export const inRepo = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url));

/**
 * A module of the workspace as it was built: Node strips types, but cannot run decorators.
 * @throws Error that says to build first
 */
export async function loadBuilt<Module>(file: string): Promise<Module> {
  const path = inRepo(file);
  if (!existsSync(path)) throw new Error(`${file} does not exist yet; run \`pnpm build\` first.`);
  return (await import(pathToFileURL(path).href)) as Module;
}
