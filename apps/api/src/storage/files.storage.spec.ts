import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readConfig } from '../env.js';
import { FilesStorage } from './files.storage.js';
import { TenantRoots } from './tenant-roots.js';

let root: string;
let outside: string;
let storage: FilesStorage;

beforeEach(async () => {
  [root, outside] = (await Promise.all(
    ['root', 'outside'].map((name) => mkdtemp(join(tmpdir(), `storage-${name}-`))),
  )) as [string, string];
  storage = storageIn('tenant-header');
});
afterEach(() => Promise.all([root, outside].map((folder) => rm(folder, { recursive: true }))));

const at = (path: string, tenantId = 'tenant_a') => ({ tenantId, path });
const storageIn = (mode: 'tenant-header' | 'token') => {
  const config = readConfig({ DATABASE_URL: 'postgres://localhost/x', DATA_ROOT: root, AUTH_MODE: mode });
  return new FilesStorage(config, new TenantRoots(config));
};
/** Names of files, wherever they lie; of parts, too. */
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name);
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

describe(FilesStorage.name, () => {
  it('should write what it is given and read it back, whole or in part', async () => {
    const written = await storage.write('jobs/1/a.bin', Readable.from([Buffer.from('hello '), Buffer.from('world')]));
    expect(written).toEqual({ sizeBytes: 11, sha256: sha256('hello world') });
    expect(await text(storage.read('jobs/1/a.bin'))).toBe('hello world');
    expect(await text(storage.read('jobs/1/a.bin', { start: 6, end: 8 }))).toBe('wor');
    expect(await storage.stat('jobs/1/a.bin')).toEqual({ sizeBytes: 11, version: expect.any(String) });
  });

  it('should read a file of many chunks', async () => {
    const content = Buffer.alloc(3_000_000, 'abc');
    await storage.write('big', Readable.from([content]));
    expect((await buffer(storage.read('big'))).equals(content)).toBe(true);
  });

  it('should store an empty file', async () => {
    expect(await storage.write('empty', Readable.from([]))).toEqual({ sizeBytes: 0, sha256: sha256('') });
    expect(await text(storage.read('empty'))).toBe('');
  });

  it('should replace a file at once, and keep the old one when the new one fails', async () => {
    await storage.write('a', Readable.from([Buffer.from('old')]));
    const broken = new Readable({ read: () => undefined });
    broken.push('new');
    broken.once('data', () => broken.destroy(new Error('hung up')));
    await expect(storage.write('a', broken)).rejects.toThrow('hung up');
    expect([await text(storage.read('a')), await filesIn(root)]).toEqual(['old', ['a']]);
  });

  it('should report a stream that broke before it was read', async () => {
    const broken = new Readable({ read: () => undefined });
    const result = storage.write('a', broken);
    broken.destroy(new Error('hung up'));
    await expect(result).rejects.toThrow('hung up');
    await expect(storage.write('a', broken)).rejects.toThrow();
    expect(await filesIn(root)).toEqual([]);
  });

  it('should leave nothing behind when it is aborted', async () => {
    const controller = new AbortController();
    const endless = new Readable({ read: () => undefined });
    endless.push('x');
    endless.once('data', () => controller.abort());
    await expect(storage.write('a', endless, { signal: controller.signal })).rejects.toThrow(/abort/i);
    expect([await filesIn(root), endless.destroyed, endless.readableFlowing]).toEqual([[], false, true]);
  });

  it('should keep what was there when the new content is refused at the end', async () => {
    await storage.write('a', Readable.from([Buffer.from('old')]));
    const refuse = () => Promise.reject(new Error('too late'));
    await expect(storage.write('a', Readable.from([Buffer.from('new')]), { accept: refuse })).rejects.toThrow(
      'too late',
    );
    expect([await text(storage.read('a')), await filesIn(root)]).toEqual(['old', ['a']]);
  });

  it('should let one of many concurrent writers win, whole', async () => {
    const contents = Array.from({ length: 10 }, (_, i) => String(i).repeat(100_000));
    await Promise.all(contents.map((content) => storage.write('race', Readable.from([Buffer.from(content)]))));
    expect(contents).toContain(await text(storage.read('race')));
    expect(await filesIn(root)).toEqual(['race']);
  });

  it('should fail to read what is missing and know nothing of it', async () => {
    await expect(text(storage.read('missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect([
      await storage.stat('missing'),
      await storage.exists(at('data/missing')),
      await storage.list(at('data/missing'), 10),
    ]).toEqual([undefined, false, undefined]);
  });

  it('should remove a file, and not mind when it is gone', async () => {
    await storage.write('a', Readable.from([Buffer.from('x')]));
    await storage.remove('a');
    await storage.remove('a');
    expect(await storage.stat('a')).toBeUndefined();
  });

  it.each(['', '../x', '/etc/passwd', 'a/../../x', 'a/../x', 'a//b', './a', 'a/', 'a\0b'])(
    'should refuse the key %j whatever is asked',
    async (key) => {
      const attempts = [
        storage.write(key, Readable.from([])),
        text(storage.read(key)),
        storage.stat(key),
        storage.remove(key),
      ];
      const results = await Promise.allSettled(attempts);
      expect(results.map((result) => result.status === 'rejected' && (result.reason as Error).name)).toEqual(
        Array(4).fill('EscapeError'),
      );
    },
  );

  it('should not pass through a link that leads outside', async () => {
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(root, 'link'));
    await symlink(join(outside, 'secret'), join(root, 'file'));
    await symlink('loop', join(root, 'loop'));
    await symlink(join(outside, 'not-yet'), join(root, 'dangling'));
    for (const key of ['link/secret', 'file', 'loop', 'loop/x'])
      await expect(text(storage.read(key))).rejects.toThrow(/link/);
    for (const key of ['link/new', 'dangling', 'dangling/new']) {
      await expect(storage.write(key, Readable.from([Buffer.from('x')]))).rejects.toThrow(/link/);
    }
    expect(await readdir(outside)).toEqual(['secret']);
  });

  it('should allow a link that stays inside as a folder, and resolve what does not exist yet', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'alias'));
    await storage.write('alias/a', Readable.from([Buffer.from('x')]));
    expect(await readFile(join(root, 'real/a'), 'utf8')).toBe('x');
    expect(await storage.locate(at('data/new/folder/'))).toBe('new/folder');
  });

  it('should refuse a path that leads through a file', async () => {
    await writeFile(join(root, 'file'), 'x');
    await expect(storage.locate(at('data/file/new/folder'), 'outputPath')).rejects.toMatchObject({
      details: { issues: [{ path: ['outputPath'], message: expect.stringContaining('is a file') }] },
    });
    expect([await storage.locate(at('data/file')), await storage.stat('file/x')]).toEqual(['file', undefined]);
  });

  it('should read to its end what it cannot store, so that the sender hears of it', async () => {
    await writeFile(join(root, 'file'), 'x');
    const content = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(100_000)));
    await expect(storage.write('file/x', content)).rejects.toThrow('EEXIST');
    await finished(content);
    expect(content.readableEnded).toBe(true);
  });

  it('should list plain files of all folders by name, and say what it skipped', async () => {
    await mkdir(join(root, 'set/sub'), { recursive: true });
    await mkdir(join(root, 'set/.git'));
    await Promise.all(
      ['set/b', 'set/a', 'set/sub/c', 'set/.hidden', 'set/.git/x'].map((name) => writeFile(join(root, name), name)),
    );
    await symlink('/etc', join(root, 'set/link'));
    expect(await storage.list(at('data/set/'), 100)).toEqual({
      isFolder: true,
      files: [
        { key: 'set/a', name: 'a', sizeBytes: 5, version: expect.any(String) },
        { key: 'set/b', name: 'b', sizeBytes: 5, version: expect.any(String) },
        { key: 'set/sub/c', name: 'sub/c', sizeBytes: 9, version: expect.any(String) },
      ],
      skipped: ['link'],
      isTruncated: false,
    });
    expect(await storage.list(at('data/set/a'), 100)).toMatchObject({
      isFolder: false,
      files: [{ key: 'set/a', name: 'a' }],
    });
    expect(await storage.list(at('data/set'), 2)).toMatchObject({ isTruncated: true });
  });

  it('should know nothing of a folder of tenants that share everything', async () => {
    await mkdir(join(root, 'tenants/tenant_b'), { recursive: true });
    for (const path of ['data/tenants', 'data/tenants/', 'data/tenants/tenant_b/x'])
      await expect(storage.locate(at(path))).rejects.toMatchObject({ code: 'validation_failed' });
  });

  describe('with a root for each tenant', () => {
    beforeEach(async () => {
      storage = storageIn('token');
      await storage.write(await storage.locate(at('data/set/x', 'tenant_b')), Readable.from([Buffer.from('secret')]));
    });

    it('should keep files of one name apart', async () => {
      const key = await storage.locate(at('data/set/x'));
      expect([key, await storage.exists(at('data/set/x')), await storage.list(at('data/set'), 10)]).toEqual([
        'tenants/tenant_a/set/x',
        false,
        undefined,
      ]);
      await storage.write(key, Readable.from([Buffer.from('mine')]));
      expect(await readFile(join(root, 'tenants/tenant_b/set/x'), 'utf8')).toBe('secret');
      expect(await storage.list(at('data/set', 'tenant_b'), 10)).toMatchObject({
        files: [{ key: 'tenants/tenant_b/set/x', name: 'x', sizeBytes: 6 }],
      });
    });

    it('should take a folder called tenants for one like any other', async () => {
      expect(await storage.locate(at('data/tenants/tenant_b/set/x'))).toBe('tenants/tenant_a/tenants/tenant_b/set/x');
    });

    it.each(['../tenant_b', '../tenant_b/set', '../../tenants/tenant_b/set'])(
      'should not pass through the link %s to another tenant',
      async (target) => {
        await mkdir(join(root, 'tenants/tenant_a'), { recursive: true });
        await symlink(target, join(root, 'tenants/tenant_a/link'));
        await expect(storage.locate(at('data/link/set/x'))).rejects.toMatchObject({ code: 'validation_failed' });
        await expect(storage.list(at('data/link'), 10)).rejects.toMatchObject({ code: 'validation_failed' });
        for (const key of ['tenants/tenant_a/link/x', 'tenants/tenant_a/link/set/x']) {
          await expect(text(storage.read(key))).rejects.toThrow(/link/);
          await expect(storage.stat(key)).rejects.toThrow(/link/);
          await expect(storage.remove(key)).rejects.toThrow(/link/);
          await expect(storage.write(key, Readable.from(['x']))).rejects.toThrow(/link/);
        }
        expect(await readdir(join(root, 'tenants/tenant_b'), { recursive: true })).toEqual(['set', 'set/x']);
      },
    );

    it("should not take a link for a tenant's root", async () => {
      await symlink('tenant_b', join(root, 'tenants/tenant_a'));
      await expect(storage.list(at('data/set'), 10)).rejects.toMatchObject({ code: 'validation_failed' });
      await expect(text(storage.read('tenants/tenant_a/set/x'))).rejects.toThrow(/link/);
    });

    it('should still read what was stored before there were roots', async () => {
      await storageIn('tenant-header').write('loras/old', Readable.from([Buffer.from('old')]));
      expect(await text(storage.read('loras/old'))).toBe('old');
    });
  });

  it('should notice that its folder is gone', async () => {
    await storage.check();
    await rm(root, { recursive: true });
    await expect(storage.check()).rejects.toThrow('ENOENT');
    await mkdir(root);
  });
});
