import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { REPO_ROOT } from './repo-root.js';

const ADMIN_MAIN = path.join(REPO_ROOT, 'apps/api/dist/admin/main.js');

/** Keys that the API makes known when it starts. */
export interface DevKeys {
  operatorKey: string;
  workerKey: string;
}

/**
 * The keys for a stack that asks for credentials: those of the settings, else ones that are made once and kept in the
 * folder. Undefined in development mode, where nobody is asked.
 */
export const devKeys = async (folder: string, env: NodeJS.ProcessEnv): Promise<DevKeys | undefined> => {
  if (env.AUTH_MODE !== 'token') return undefined;
  const kept = (await readKept(folder)) ?? (await keep(folder));
  return { operatorKey: env.OPERATOR_KEY || kept.operatorKey, workerKey: env.WORKER_KEY || kept.workerKey };
};

const fileOf = (folder: string): string => path.join(folder, 'keys.json');

const readKept = async (folder: string): Promise<DevKeys | undefined> => {
  try {
    return JSON.parse(await readFile(fileOf(folder), 'utf8')) as DevKeys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const keep = async (folder: string): Promise<DevKeys> => {
  const keys = { operatorKey: await mint(), workerKey: await mint() };
  await writeFile(fileOf(folder), JSON.stringify(keys), { mode: 0o600 });
  return keys;
};

const mint = async (): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [ADMIN_MAIN, 'keys', 'mint', '--json']);
  return (JSON.parse(stdout) as { key: string }).key;
};
