import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IndexCache, type JobIndex } from '../src/retrieval/index-cache.js';
import type { Storage } from '../src/storage/storage.js';
import { SmallDisk, WHY_NO_DISK } from './full-disk.js';

if (WHY_NO_DISK !== undefined) process.stderr.write(`Skipped: ${WHY_NO_DISK}\n`);

/** What lies in storage now, by key; `undefined` is gone. */
let stored: Record<string, string | undefined>;
let reads: string[];
let storage: Storage;
let parent: string;
let cache: IndexCache;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'index-cache-'));
  stored = { a: 'aaaa', b: 'bbbb', c: 'cccc' };
  reads = [];
  const read = (key: string): Readable => {
    reads.push(key);
    const content = stored[key];
    if (content !== undefined) return Readable.from([Buffer.from(content)]);
    return new Readable({ read: (): void => undefined }).destroy(Object.assign(new Error('gone'), { code: 'ENOENT' }));
  };
  storage = { read } as unknown as Storage;
  cache = new IndexCache(storage, 8, parent);
});

afterEach(async () => {
  await cache.remove();
  await rm(parent, { recursive: true, force: true });
});

/** As its worker has handed it in. */
const index = (key: string, content = `${key}${key}${key}${key}`): JobIndex => ({
  jobId: 'j1',
  stored: {
    storageKey: key,
    artifact: { sha256: createHash('sha256').update(content).digest('hex'), sizeBytes: content.length },
  } as JobIndex['stored'],
});

const never = new AbortController().signal;
const copyOf = (key: string, signal = never): Promise<string> =>
  cache.use({ index: index(key), signal }, (file) => Promise.resolve(file));

describe(IndexCache.name, () => {
  it('should copy an index once, however many want it at once', async () => {
    const files = await Promise.all([copyOf('a'), copyOf('a'), copyOf('a')]);
    expect(new Set(files).size).toBe(1);
    expect(await readFile(files[0]!, 'utf8')).toBe('aaaa');
    expect(reads).toEqual(['a']);
  });

  it('should remove the one that was not used for longest', async () => {
    const [a, b] = [await copyOf('a'), await copyOf('b')];
    await copyOf('a');
    await copyOf('c');
    expect([existsSync(a), existsSync(b)]).toEqual([true, false]);
  });

  it('should remove none that is being read', async () => {
    await cache.use({ index: index('a'), signal: never }, async (a) => {
      await copyOf('b');
      await copyOf('c');
      expect(existsSync(a)).toBe(true);
    });
  });

  it.each([
    ['is gone', undefined],
    ['has another content', 'zzzz'],
    ['is shorter', 'a'],
    ['is longer', 'aaaaa'],
  ])('should refuse a file that %s, and look again the next time', async (_, content) => {
    stored['a'] = content;
    await expect(copyOf('a')).rejects.toMatchObject({ code: 'index_missing' });
    stored['a'] = 'aaaa';
    expect(await readFile(await copyOf('a'), 'utf8')).toBe('aaaa');
  });

  it('should refuse an index that is larger than all may be', async () => {
    const large = cache.use({ index: index('a', 'a'.repeat(9)), signal: never }, () => Promise.resolve());
    await expect(large).rejects.toMatchObject({ code: 'runtime_unavailable' });
    expect(reads).toEqual([]);
  });

  it('should be unavailable while it has no folder to copy to, and try again', async () => {
    await rm(parent, { recursive: true });
    await expect(copyOf('a')).rejects.toMatchObject({ code: 'runtime_unavailable' });
    await expect(cache.remove()).resolves.toBeUndefined();
    await mkdir(parent);
    expect(await readFile(await copyOf('a'), 'utf8')).toBe('aaaa');
  });

  it('should copy anew what others have removed, once', async () => {
    await rm(await copyOf('a'));
    const files = await Promise.all([copyOf('a'), copyOf('a')]);
    expect(await Promise.all(files.map((file) => readFile(file, 'utf8')))).toEqual(['aaaa', 'aaaa']);
    expect(reads).toEqual(['a', 'a']);
  });

  it('should not call an index missing when its own folder is, and make another', async () => {
    await rm(dirname(await copyOf('a')), { recursive: true });
    expect(await readFile(await copyOf('b'), 'utf8')).toBe('bbbb');
    expect(await readFile(await copyOf('a'), 'utf8')).toBe('aaaa');
  });

  describe('when a caller waits no longer', () => {
    let content: Readable;
    let asked: Promise<void>;
    beforeEach(() => {
      const { promise, resolve } = Promise.withResolvers<void>();
      asked = promise;
      const { read } = storage;
      content = new Readable({ read: () => resolve() });
      storage.read = (key) => {
        storage.read = read;
        reads.push(key);
        return content;
      };
    });

    it('should stop copying what nobody waits for, and begin anew', async () => {
      const caller = new AbortController();
      const given = copyOf('a', caller.signal);
      await asked;
      caller.abort(new Error('gone away'));
      await expect(given).rejects.toThrow('gone away');
      expect(content.destroyed).toBe(true);
      expect(await readFile(await copyOf('a'), 'utf8')).toBe('aaaa');
    });

    it('should go on for others', async () => {
      const caller = new AbortController();
      const [given, other] = [copyOf('a', caller.signal), copyOf('a')];
      await asked;
      caller.abort(new Error('gone away'));
      await expect(given).rejects.toThrow('gone away');
      content.push('aaaa');
      content.push(null);
      expect(await readFile(await other, 'utf8')).toBe('aaaa');
      expect(await copyOf('a')).toBe(await other);
      expect(reads).toEqual(['a']);
    });
  });

  it('should leave nothing behind', async () => {
    const file = await copyOf('a');
    await cache.remove();
    expect(existsSync(file)).toBe(false);
  });
});

(WHY_NO_DISK ? describe.skip : describe)('a disk that is full', () => {
  let disk: SmallDisk;
  beforeEach(async () => {
    disk = await SmallDisk.mount(8192);
    cache = new IndexCache(storage, 1_000_000, disk.folder);
  });
  afterEach(async () => {
    await cache.remove();
    await disk.unmount();
  });

  it('should make an index unavailable, and keep nothing of it', async () => {
    const content = (stored['a'] = 'a'.repeat(100_000));
    const copied = cache.use({ index: index('a', content), signal: never }, () => Promise.resolve());
    await expect(copied).rejects.toMatchObject({ code: 'runtime_unavailable', cause: { code: 'ENOSPC' } });
    const [folder] = await readdir(disk.folder);
    expect(await readdir(join(disk.folder, folder!))).toEqual([]);
  });
});
