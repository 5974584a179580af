import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { GitUpstream } from '@influencerai/trainers';
import { execa } from 'execa';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchSource } from '../src/install/fetch-source.js';

let dir: string;
let clone: string;
let upstream: GitUpstream;

const git = async (...args: string[]): Promise<string> => (await execa('git', ['-C', clone, ...args])).stdout;

const commit = async (message: string): Promise<string> => {
  await git('add', '.');
  await git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', message);
  return git('rev-parse', 'HEAD');
};

/** As in a copy that was made without this file's content. */
const forget = async (file: string): Promise<void> => {
  const blob = await git('rev-parse', `${upstream.commit}:${file}`);
  await rm(join(clone, '.git/objects', blob.slice(0, 2), blob.slice(2)));
};

const fetch = (from: string): Promise<string[]> => fetchSource({ upstream, from, target: join(dir, 'source') });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fetch-source-'));
  clone = join(dir, 'clone');
  await mkdir(join(clone, 'library'), { recursive: true });
  await git('init', '--quiet');
  await writeFile(join(clone, 'train.py'), 'print("pinned")\n');
  await writeFile(join(clone, 'library/util.py'), 'x = 1\n');
  await writeFile(join(clone, 'weights.bin'), 'many bytes\n');
  const pinned = await commit('pinned');
  await writeFile(join(clone, 'train.py'), 'print("later")\n');
  await commit('later');
  upstream = { kind: 'git', url: 'https://example.invalid/x.git', commit: pinned, date: '', mainFile: 'train.py' };
});

afterEach(() => rm(dir, { recursive: true, force: true }));

describe('fetchSource', () => {
  it.each([
    ['a checkout', () => clone],
    ['a git directory', () => join(clone, '.git')],
    ['a URL', () => `file://${clone}`],
  ])('should take the pinned commit from %s, not the newest', async (_, from) => {
    await expect(fetch(from())).resolves.toEqual([]);
    const source = join(dir, 'source');
    expect(await readFile(join(source, 'train.py'), 'utf8')).toContain('pinned');
    expect((await readdir(source)).sort()).toEqual(['.git', 'library', 'train.py', 'weights.bin']);
    const { stdout } = await execa('git', ['rev-parse', 'HEAD'], { cwd: join(source, 'library') });
    expect(stdout).toBe(upstream.commit);
  });

  it('should do without files that are no code, and name them', async () => {
    await forget('weights.bin');
    await expect(fetch(clone)).resolves.toEqual(['weights.bin']);
  });

  it('should leave the copy as it is', async () => {
    await fetch(clone);
    expect(await git('status', '--porcelain')).toBe('');
    expect(await readFile(join(clone, 'train.py'), 'utf8')).toContain('later');
  });

  it('should refuse a copy that lacks code', async () => {
    await forget('library/util.py');
    await expect(fetch(clone)).rejects.toThrow('lacks library/util.py: take a full clone.');
  });

  it('should refuse a copy without the pinned commit', async () => {
    upstream = { ...upstream, commit: '0123456789012345678901234567890123456789' };
    await expect(fetch(clone)).rejects.toThrow('does not hold the pinned commit 0123456789');
    await expect(fetch(`file://${clone}`)).rejects.toThrow('does not hold the pinned commit');
  });

  it('should refuse a folder that is no repository', async () => {
    await mkdir(join(dir, 'empty'));
    await expect(fetch(join(dir, 'empty'))).rejects.toThrow('is no git repository');
  });
});
