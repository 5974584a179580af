import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Content, ContentMismatch, DatasetCache } from '../src/datasets/dataset-cache.js';
import { MountedDatasets } from '../src/datasets/mounted-dataset.js';
import { HostLack } from '../src/runner/launcher.js';

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
const contentOf = (text: string, tenantId = 'tenant_a'): Content => ({
  tenantId,
  sha256: sha256Of(text),
  sizeBytes: text.length,
});

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'worker-datasets-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe(DatasetCache.name, () => {
  const never = new AbortController().signal;
  const open = (maxBytes = 100): Promise<DatasetCache> => DatasetCache.open(join(dir, 'cache'), maxBytes);
  const hold = (cache: DatasetCache, texts: string[], { signal = never, onWait = () => undefined } = {}) =>
    cache.hold(
      texts.map((text) => contentOf(text)),
      { signal, onWait },
    );
  const filesIn = async (folder: string): Promise<string[]> => {
    const entries = await readdir(join(dir, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  };
  /** Holds, fetches and gives back. @returns what was fetched */
  const use = async (cache: DatasetCache, ...texts: string[]): Promise<string[]> => {
    const release = await hold(cache, texts);
    const fetched: string[] = [];
    for (const text of texts) {
      const isFetched = await cache.ensure(contentOf(text), (partial) => writeFile(partial, text), never);
      if (isFetched) fetched.push(text);
    }
    await release();
    return fetched;
  };

  it('should fetch a content once, also for the next process', async () => {
    const cache = await open();
    expect([await use(cache, 'one', 'two'), await use(cache, 'two')]).toEqual([['one', 'two'], []]);
    expect(await use(await open(), 'one', 'two', 'three')).toEqual(['three']);
  });

  it('should let nobody write to what it keeps', async () => {
    const cache = await open();
    await use(cache, 'one');
    expect((await stat(cache.pathOf(contentOf('one')))).mode & 0o222).toBe(0);
  });

  it('should remove what was used longest ago, as the process before used it', async () => {
    await use(await open(9), 'one', 'two', 'six');
    await use(await open(9), 'one');
    const cache = await open(9);
    await use(cache, 'ten');
    expect(await use(cache, 'one', 'ten')).toEqual([]);
    expect(['two', 'six'].map((text) => cache.has(contentOf(text))).sort()).toEqual([false, true]);
  });

  it('should keep within a limit that was lowered', async () => {
    await use(await open(9), 'one', 'two', 'six');
    const cache = await open(3);
    expect(['one', 'two', 'six'].filter((text) => cache.has(contentOf(text)))).toHaveLength(1);
  });

  it('should wait for room that others hold, and take what they gave back', async () => {
    const cache = await open(6);
    const release = await hold(cache, ['one', 'two']);
    const waits: string[] = [];
    const waiting = hold(cache, ['two', 'six'], { onWait: () => void waits.push('six') });
    expect(waits).toEqual(['six']);
    await release();
    await (
      await waiting
    )();
  });

  it('should give up waiting when it is told to', async () => {
    const cache = await open(3);
    await hold(cache, ['one']);
    const stop = new AbortController();
    const waiting = hold(cache, ['two'], { signal: stop.signal });
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
  });

  it('should refuse what it can never take', async () => {
    await expect(hold(await open(5), ['one', 'two'])).rejects.toThrow(HostLack);
    expect(await use(await open(5), 'one')).toEqual(['one']);
  });

  it('should keep tenants apart, whatever their ids', async () => {
    const cache = await open();
    await use(cache, 'one');
    for (const id of ['tenant_b', '../tenant-tenant_a', 'a/b', '..', '']) {
      const content = contentOf('one', id);
      expect(cache.has(content)).toBe(false);
      const release = await cache.hold([content], { signal: never, onWait: () => undefined });
      expect(await cache.ensure(content, (partial) => writeFile(partial, 'one'), never)).toBe(true);
      expect(dirname(dirname(cache.pathOf(content)))).toBe(join(dir, 'cache/contents'));
      await release();
    }
  });

  it('should count a content once that has several names', async () => {
    expect(await use(await open(3), 'one', 'one')).toEqual(['one']);
  });

  it('should keep nothing of a content that is not what was announced', async () => {
    const cache = await open();
    await hold(cache, ['one']);
    const other = cache.ensure(contentOf('one'), (partial) => writeFile(partial, 'two'), never);
    await expect(other).rejects.toThrow(ContentMismatch);
    expect([cache.has(contentOf('one')), await filesIn('cache/partial')]).toEqual([false, []]);
  });

  it('should share a download, and begin it again for the second when the first gave it up', async () => {
    const cache = await open();
    const first = await hold(cache, ['one']);
    await hold(cache, ['one']);
    const broken = Promise.withResolvers<void>();
    const given = cache.ensure(contentOf('one'), () => broken.promise, never);
    const again = cache.ensure(contentOf('one'), (partial) => writeFile(partial, 'one'), never);
    broken.reject(new Error('cancelled'));
    await expect(given).rejects.toThrow('cancelled');
    await first();
    expect(await again).toBe(true);
  });

  it('should drop half files of a process that was killed, and leave strangers alone', async () => {
    const cache = await open();
    await use(cache, 'one');
    await writeFile(join(dir, 'cache/partial/tenant-tenant_a', sha256Of('two')), 't');
    await writeFile(join(dir, 'cache/contents/notes.txt'), 'mine');
    const next = await open(3);
    expect([next.has(contentOf('one')), next.has(contentOf('two'))]).toEqual([true, false]);
    expect(await filesIn('cache/partial')).toEqual([]);
    expect(await readFile(join(dir, 'cache/contents/notes.txt'), 'utf8')).toBe('mine');
  });

  it('should fetch again what was damaged, now or before its process began', async () => {
    const cache = await open();
    await use(cache, 'one');
    const file = cache.pathOf(contentOf('one'));
    await chmod(file, 0o644);
    await writeFile(file, 'eno');
    expect(await use(cache, 'one')).toEqual(['one']);
    await chmod(file, 0o644);
    await writeFile(file, 'longer');
    expect(await use(await open(), 'one')).toEqual(['one']);
    expect(await readFile(file, 'utf8')).toBe('one');
  });
});

describe(MountedDatasets.name, () => {
  it('should notice one other file among many', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `${String(index).padStart(2, '0')}.txt`);
    await mkdir(join(dir, 'set'));
    for (const name of names) await writeFile(join(dir, 'set', name), name);
    const listed = names.map((name) => ({ name, ...contentOf(name), url: '' }));
    const isSame = () => new MountedDatasets(dir).isSame(join(dir, 'set'), 'text', listed);
    expect(await isSame()).toBe(true);
    await writeFile(join(dir, 'set/00.txt'), 'longer than before');
    expect(await isSame()).toBe(false);
    await writeFile(join(dir, 'set/00.txt'), 'length');
    expect(await isSame()).toBe(false);
    await rm(join(dir, 'set/00.txt'));
    expect(await isSame()).toBe(false);
  });
});
