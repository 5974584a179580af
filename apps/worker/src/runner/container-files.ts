import { lchown, lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OF_THE_WORKER } from './container-mounts.js';

/** Calls with a file that only this user can read, and removes it afterwards. */
export const withPrivateFile = async <T>(content: string, use: (file: string) => Promise<T>): Promise<T> => {
  const dir = await mkdtemp(join(tmpdir(), 'trainer-env-'));
  try {
    const file = join(dir, 'env');
    await writeFile(file, content, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

/** Lets the container's user write in a workspace that a root worker made; any other worker shares its own number. */
export const handOver = async (workspaceDir: string, user: string): Promise<void> => {
  if (process.getuid?.() !== 0) return;
  const [uid, gid] = user.split(':').map(Number) as [number, number];
  const names = (await readdir(workspaceDir)).filter((name) => !OF_THE_WORKER.includes(name));
  for (const path of ['', ...names]) await giveAll(join(workspaceDir, path), { uid, gid, isDeep: path !== '' });
};

const giveAll = async (path: string, to: { uid: number; gid: number; isDeep: boolean }): Promise<void> => {
  await lchown(path, to.uid, to.gid);
  if (!to.isDeep || !(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveAll(join(path, name), to);
};
