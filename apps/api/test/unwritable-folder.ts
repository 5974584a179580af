import { execFileSync } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { WHY_NO_DISK } from './full-disk.js';

const IS_ROOT = process.getuid?.() === 0;

/** A folder that this process must not write to. Root may write anywhere but on a file system that is read-only. */
export class UnwritableFolder {
  private constructor(private readonly folder: string) {}

  static async make(folder: string): Promise<UnwritableFolder> {
    await mkdir(folder, { recursive: true });
    if (IS_ROOT) execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=4096', 'tmpfs', folder], { stdio: 'pipe' });
    else await chmod(folder, 0o555);
    return new UnwritableFolder(folder);
  }

  async release(): Promise<void> {
    if (IS_ROOT) execFileSync('umount', [this.folder], { stdio: 'pipe' });
    else await chmod(this.folder, 0o755);
  }
}

/** Why no such folder can be made here; undefined where one can. */
export const WHY_ALL_WRITABLE = IS_ROOT ? WHY_NO_DISK : undefined;
