import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IndexCache, type JobIndex } from '../src/retrieval/index-cache.js';
import type { Storage } from '../src/storage/storage.js';

/** What lies in storage now, by key; `undefined` is gone. */
let stored: Record<string, string | undefined>;
let reads: string[];
let cache: IndexCache;

beforeEach(() => {
  stored = { a: 'aaaa', b: 'bbbb', c: 'cccc' };
  reads = [];
  const read = (key: string): Readable => {
    reads.push(key);
    const content = stored[key];
    if (content !== undefined) return Readable.from([Buffer.from(content)]);
    return new Readable({ read: (): void => undefined }).destroy(Object.assign(new Error('gone'), { code: 'ENOENT' }));
  };
  cache = new IndexCache({ read } as unknown as Storage, 8);
});

afterEach(() => cache.remove());

/** As its worker has handed it in. */
const index = (key: string, content = `${key}${key}${key}${key}`): JobIndex => ({
  jobId: 'j1',
  stored: {
    storageKey: key,
    artifact: { sha256: createHash('sha256').update(content).digest('hex'), sizeBytes: content.length },
  } as JobIndex['stored'],
});

const copyOf = (key: string): Promise<string> => cache.use(index(key), (file) => Promise.resolve(file));

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
    await cache.use(index('a'), async (a) => {
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
    const large = cache.use(index('a', 'a'.repeat(9)), () => Promise.resolve());
    await expect(large).rejects.toMatchObject({ code: 'runtime_unavailable' });
    expect(reads).toEqual([]);
  });

  it('should leave nothing behind', async () => {
    const file = await copyOf('a');
    await cache.remove();
    expect(existsSync(file)).toBe(false);
  });
});
