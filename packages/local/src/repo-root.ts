import { existsSync } from 'node:fs';
import path from 'node:path';

const find = (from: string): string => {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'pnpm-workspace.yaml'))) return folder;
    if (folder === path.dirname(folder)) throw new Error(`No workspace above ${from}.`);
  }
};

/** Top folder of the checkout. */
export const REPO_ROOT = find(import.meta.dirname);
