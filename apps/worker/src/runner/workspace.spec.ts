import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Workspace } from './workspace.js';

describe(Workspace.name, () => {
  let dir: string;
  let workspace: Workspace;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'worker-workspace-'));
    workspace = Workspace.of(dir, 'job', 1);
    await mkdir(workspace.dir, { recursive: true });
    await mkdir(join(dir, 'outside'));
  });

  afterEach(() => rm(dir, { recursive: true }));

  it('should write files again, in folders of their own', async () => {
    await workspace.write('dataset/train.jsonl', 'first, and longer');
    const file = await workspace.write('dataset/train.jsonl', 'second');
    expect(await readFile(file, 'utf8')).toBe('second');
  });

  it('should replace a link that a trainer left in place of a file', async () => {
    await writeFile(join(dir, 'outside/keys'), 'kept');
    await symlink(join(dir, 'outside/keys'), join(workspace.dir, 'driver.json'));
    const file = await workspace.write('driver.json', '{}');
    expect(await readFile(join(dir, 'outside/keys'), 'utf8')).toBe('kept');
    expect(await readFile(file, 'utf8')).toBe('{}');
  });

  it('should not write into a folder that a trainer led elsewhere', async () => {
    await symlink(join(dir, 'outside'), join(workspace.dir, 'dataset'));
    await expect(workspace.write('dataset/train.jsonl', 'x')).rejects.toThrow(/outside the workspace/);
    expect(await readdir(join(dir, 'outside'))).toEqual([]);
  });

  it.each(['..', 'a/b', '', 'x'.repeat(101)])('should take no folder for the job id %j', (jobId) => {
    expect(() => Workspace.of(dir, jobId, 1)).toThrow(/cannot name a folder/);
  });
});
