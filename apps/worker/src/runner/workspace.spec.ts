import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeOldJobs, Workspace } from './workspace.js';

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

  it('should remove no cache that a trainer led it to', async () => {
    await writeFile(join(dir, 'outside/of-another.npz'), '');
    await symlink(join(dir, 'outside'), join(workspace.dir, 'dataset'));
    await workspace.removeCaches();
    expect(await readdir(join(dir, 'outside'))).toEqual(['of-another.npz']);
  });

  it('should list its files without those that are removed meanwhile', async () => {
    const folders = Array.from({ length: 100 }, (_, index) => `spool/${index}/deep`);
    for (const folder of folders) await workspace.write(`${folder}/file`, 'x');
    await workspace.write('output/kept', 'x');
    const looks = folders.map(() => workspace.files());
    await rm(join(workspace.dir, 'spool'), { recursive: true });
    for (const files of await Promise.all(looks)) expect(files).toContain('output/kept');
    expect(await workspace.files()).toEqual(['output/kept']);
  });

  it.each(['..', 'a/b', '', 'x'.repeat(101)])('should take no folder for the job id %j', (jobId) => {
    expect(() => Workspace.of(dir, jobId, 1)).toThrow(/cannot name a folder/);
  });
});

describe(removeOldJobs, () => {
  const LONG_AGO = new Date('2026-01-01');
  const BEFORE = new Date('2026-06-01');
  let workerDir: string;

  beforeEach(async () => {
    workerDir = await mkdtemp(join(tmpdir(), 'worker-old-jobs-'));
  });

  afterEach(() => rm(workerDir, { recursive: true }));

  /** A job that began long ago, in whose folder something happened at another time. */
  const aJob = async (jobId: string, lastChange: Date): Promise<void> => {
    const { dir, jobDir } = Workspace.of(workerDir, jobId, 1);
    await mkdir(join(dir, 'spool'), { recursive: true });
    await utimes(join(dir, 'spool'), lastChange, lastChange);
    for (const folder of [dir, jobDir]) await utimes(folder, LONG_AGO, LONG_AGO);
  };

  it('should go by when something last happened, however long ago the job began', async () => {
    await aJob('idle', LONG_AGO);
    await aJob('long', new Date());
    await aJob('held', LONG_AGO);
    expect(await removeOldJobs({ workerDir, inUse: new Set(['held']), before: BEFORE })).toEqual(['idle']);
    expect((await readdir(join(workerDir, 'jobs'))).toSorted()).toEqual(['held', 'long']);
  });
});
