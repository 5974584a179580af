import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts a file system in memory, which is full when it says so. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  static async mount(sizeBytes: number): Promise<SmallDisk> {
    const disk = new SmallDisk(await mkdtemp(join(tmpdir(), 'small-disk-')));
    mount(disk.folder, sizeBytes);
    return disk;
  }

  async unmount(): Promise<void> {
    unmount(this.folder);
    await rm(this.folder, { recursive: true });
  }
}

const mount = (folder: string, sizeBytes: number): void =>
  void execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder], { stdio: 'pipe' });

const unmount = (folder: string): void => void execFileSync('umount', [folder], { stdio: 'pipe' });

/** Why no file system can be mounted here; undefined where it can. */
export const WHY_NO_DISK = ((): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    mount(folder, 4096);
    unmount(folder);
    return undefined;
  } catch (error) {
    return `no tmpfs can be mounted, which takes root on Linux: ${String(error).split('\n')[0]}`;
  } finally {
    rmdirSync(folder);
  }
})();
