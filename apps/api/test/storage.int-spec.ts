import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { readConfig } from '../src/env.js';
import { FilesStorage } from '../src/storage/files.storage.js';
import { connect } from '../src/storage/s3-client.js';
import { S3Storage } from '../src/storage/s3.storage.js';
import type { Storage } from '../src/storage/storage.js';
import { TenantRoots } from '../src/storage/tenant-roots.js';
import { S3Server, WHY_NO_S3 } from './s3-server.js';

const MIB = 1024 * 1024;
const BACKENDS = ['files', 'S3'] as const;

const config = readConfig({ DATABASE_URL: 'postgres://localhost/x', AUTH_MODE: 'token' });
const roots = new TenantRoots(config);
const at = (path: string, tenantId = 'tenant_a') => ({ tenantId, path });
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const of = (...chunks: (string | Buffer)[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
/** Different everywhere, so that parts in the wrong order are noticed. */
const aBigFile = (bytes: number) =>
  Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, i) => i * 2654435761).buffer);

if (WHY_NO_S3) process.stderr.write(`Tests of S3 are left out: ${WHY_NO_S3}\n`);

let folder: string;
let server: S3Server | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-contract-'));
  if (!WHY_NO_S3) server = await S3Server.start();
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

const open = (backend: (typeof BACKENDS)[number]): Storage =>
  backend === 'files'
    ? new FilesStorage({ ...config, storage: { ...config.storage, dataRoot: folder } }, roots)
    : new S3Storage(server!.settings, roots);

/** Uploads that were begun and are neither complete nor given up. */
async function unfinishedUploads(): Promise<number> {
  const client = connect(server!.settings, server!.settings.endpoint);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: server!.settings.bucket }));
  return Uploads.length;
}

describe.each(BACKENDS)('storage in %s', (backend) => {
  const rule = backend === 'S3' && WHY_NO_S3 ? it.skip : it;
  let storage: Storage;
  beforeAll(() => {
    if (backend === 'files' || !WHY_NO_S3) storage = open(backend);
  });

  rule('should write what it is given and read it back, whole or in part', async () => {
    expect(await storage.write('jobs/1/a.bin', of('hello ', 'world'))).toEqual({
      sizeBytes: 11,
      sha256: sha256('hello world'),
    });
    expect(await text(storage.read('jobs/1/a.bin'))).toBe('hello world');
    expect(await text(storage.read('jobs/1/a.bin', { start: 6, end: 8 }))).toBe('wor');
    expect(await storage.stat('jobs/1/a.bin')).toMatchObject({ sizeBytes: 11 });
  });

  rule('should store an empty file', async () => {
    expect(await storage.write('empty', of())).toEqual({ sizeBytes: 0, sha256: sha256('') });
    expect([await text(storage.read('empty')), (await storage.stat('empty'))?.sizeBytes]).toEqual(['', 0]);
  });

  rule.each([8, 16, 20])('should store a file of %d MiB, whose bytes come as they like', async (size) => {
    const content = aBigFile(size * MIB);
    const cuts = [0, 1, 3 * MIB + 7, 9 * MIB, content.length];
    const chunks = cuts.slice(1).map((end, index) => content.subarray(cuts[index], end));
    expect(await storage.write('big', of(...chunks))).toEqual({ sizeBytes: content.length, sha256: sha256(content) });
    expect((await buffer(storage.read('big'))).equals(content)).toBe(true);
    const range = { start: 5 * MIB - 3, end: 8 * MIB + 2 };
    expect((await buffer(storage.read('big', range))).equals(content.subarray(range.start, range.end + 1))).toBe(true);
  });

  rule.each([1, 20 * MIB])('should keep what was there when new content of %d bytes is refused', async (size) => {
    await storage.write('kept', of('old'));
    let seen: unknown;
    const accept = (written: unknown) => {
      seen = written;
      return Promise.reject(new Error('too late'));
    };
    await expect(storage.write('kept', of(Buffer.alloc(size, 'n')), { accept })).rejects.toThrow('too late');
    expect([seen, await text(storage.read('kept'))]).toEqual([expect.objectContaining({ sizeBytes: size }), 'old']);
  });

  rule.each([1, 20 * MIB])('should keep what was there when the sender hangs up after %d bytes', async (size) => {
    await storage.write('kept', of('old'));
    const broken = new Readable({ read: () => undefined });
    const result = storage.write('kept', broken);
    broken.push(Buffer.alloc(size, 'n'));
    setImmediate(() => broken.destroy(new Error('hung up')));
    await expect(result).rejects.toThrow('hung up');
    expect(await text(storage.read('kept'))).toBe('old');
  });

  rule('should keep what was there when it is aborted', async () => {
    await storage.write('kept', of('old'));
    const controller = new AbortController();
    const endless = new Readable({ read: () => undefined });
    const result = storage.write('kept', endless, { signal: controller.signal });
    endless.push(Buffer.alloc(20 * MIB));
    setImmediate(() => controller.abort());
    await expect(result).rejects.toThrow(/abort/i);
    expect([endless.destroyed, await text(storage.read('kept'))]).toEqual([false, 'old']);
  });

  rule('should read to its end what it cannot store, so that the sender hears of it', async () => {
    const content = of(...Array.from({ length: 300 }, () => Buffer.alloc(100_000)));
    const refuse = () => Promise.reject(new Error('no'));
    await expect(storage.write('refused', content, { accept: refuse })).rejects.toThrow('no');
    if (!content.readableEnded) await finished(content);
    expect([content.readableEnded, await storage.stat('refused')]).toEqual([true, undefined]);
  });

  rule('should let one of many concurrent writers win, whole', async () => {
    const contents = Array.from({ length: 10 }, (_, i) => String(i).repeat(100_000));
    await Promise.all(contents.map((content) => storage.write('race', of(content))));
    expect(contents).toContain(await text(storage.read('race')));
  });

  rule('should fail to read what is missing and know nothing of it', async () => {
    await expect(text(storage.read('missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    const where = at('data/missing');
    expect([await storage.stat('missing'), await storage.exists(where), await storage.list(where, 10)]).toEqual([
      undefined,
      false,
      undefined,
    ]);
  });

  rule('should remove a file or a folder, and not mind when it is gone', async () => {
    for (const name of ['gone/a', 'gone/b/c', 'gone-not']) await storage.write(name, of('x'));
    for (let times = 0; times < 2; times++) await storage.remove('gone/a');
    expect([await storage.stat('gone/a'), await storage.stat('gone/b/c')]).toEqual([
      undefined,
      expect.objectContaining({ sizeBytes: 1 }),
    ]);
    for (let times = 0; times < 2; times++) await storage.removeFolder('gone');
    expect([await storage.stat('gone/b/c'), await storage.stat('gone-not')]).toEqual([
      undefined,
      expect.objectContaining({ sizeBytes: 1 }),
    ]);
  });

  rule.each(['', '../x', '/etc/passwd', 'a/../../x', 'a/../x', 'a//b', './a', 'a/', 'a\0b'])(
    'should refuse the key %j whatever is asked',
    async (key) => {
      const results = await Promise.allSettled([
        storage.write(key, of()),
        text(storage.read(key)),
        storage.stat(key),
        storage.remove(key),
        storage.removeFolder(key),
      ]);
      expect(results.map((result) => result.status === 'rejected' && (result.reason as Error).name)).toEqual(
        Array(5).fill('EscapeError'),
      );
    },
  );

  rule('should list what lies below a path, by name, and not what is hidden', async () => {
    for (const name of ['b', 'a', 'sub/c', '.hidden', '.git/x'])
      await storage.write(await storage.locate(at('data/set/x')).then((key) => key.replace(/x$/, name)), of(name));
    await storage.write(await storage.locate(at('data/set-not/z')), of('z'));
    expect(await storage.list(at('data/set/'), 100)).toMatchObject({
      isFolder: true,
      files: [
        { key: 'tenants/tenant_a/set/a', name: 'a', sizeBytes: 1 },
        { key: 'tenants/tenant_a/set/b', name: 'b', sizeBytes: 1 },
        { key: 'tenants/tenant_a/set/sub/c', name: 'sub/c', sizeBytes: 5 },
      ],
      skipped: [],
      isTruncated: false,
    });
    expect(await storage.list(at('data/set/a'), 100)).toMatchObject({ isFolder: false, files: [{ name: 'a' }] });
    expect(await storage.list(at('data/set'), 2)).toMatchObject({ isTruncated: true });
    expect(await storage.exists(at('data/set'))).toBe(true);
  });

  rule('should keep the files of tenants apart', async () => {
    await storage.write(await storage.locate(at('data/mine/x', 'tenant_b')), of('secret'));
    expect([await storage.exists(at('data/mine/x')), await storage.list(at('data/mine'), 10)]).toEqual([
      false,
      undefined,
    ]);
    for (const path of ['data/../tenant_b/mine/x', 'data/mine/../../tenant_b/x', 'tenants/tenant_b/mine/x'])
      await expect(storage.locate(at(path))).rejects.toMatchObject({ code: 'validation_failed' });
    expect(await storage.exists(at('data/tenants/tenant_b/mine/x'))).toBe(false);
  });

  rule.each([3, 12])('should add to a file of %d MiB, also what came before the sender hung up', async (size) => {
    const content = aBigFile((size + 1) * MIB);
    const [first, second] = [content.subarray(0, size * MIB), content.subarray(size * MIB)];
    await storage.append(`grown-${size}`, of(first), 0);
    const broken = new Readable({ read: () => undefined });
    const result = storage.append(`grown-${size}`, broken, first.length);
    broken.push(second.subarray(0, 1000));
    setTimeout(() => broken.destroy(new Error('hung up')), 100);
    await expect(result).rejects.toThrow('hung up');
    const { sizeBytes = 0 } = (await storage.stat(`grown-${size}`)) ?? {};
    expect(sizeBytes).toBeGreaterThanOrEqual(first.length);
    await storage.append(`grown-${size}`, of(content.subarray(sizeBytes)), sizeBytes);
    expect((await buffer(storage.read(`grown-${size}`))).equals(content)).toBe(true);
  });

  rule('should be found usable', async () => {
    await expect(storage.check()).resolves.toBeUndefined();
  });
});

(WHY_NO_S3 ? describe.skip : describe)('storage in S3 alone', () => {
  let storage: Storage;
  beforeAll(() => {
    storage = open('S3');
  });

  it('should leave no part of an upload behind', async () => {
    const refuse = () => Promise.reject(new Error('no'));
    await expect(storage.write('x', of(Buffer.alloc(20 * MIB)), { accept: refuse })).rejects.toThrow('no');
    expect(await unfinishedUploads()).toBe(0);
  });

  it('should sign links to downloads that work without a credential, for a while', async () => {
    await storage.write('signed', of('hello'));
    const link = { fileName: 'a.png', contentType: 'image/png' };
    const url = (await storage.signDownload('signed', { ...link, expiresInSeconds: 60 }))!;
    const answer = await fetch(url);
    expect([answer.status, await answer.text(), answer.headers.get('content-disposition')]).toEqual([
      200,
      'hello',
      'attachment; filename="a.png"',
    ]);
    const wrong = await Promise.all(
      [url.replace('/signed?', '/empty?'), url.replace('Expires=60', 'Expires=6000'), url.split('?')[0]!].map(
        async (to) => {
          const { status, body } = await fetch(to);
          await body?.cancel();
          return status;
        },
      ),
    );
    expect(wrong).toEqual([403, 403, 403]);
  });

  it('should sign uploads of one size', async () => {
    const { url, method } = (await storage.signUpload('direct', { expiresInSeconds: 60, sizeBytes: 5 }))!;
    const put = (body: string) => fetch(url, { method, body });
    expect([(await put('larger than that')).status, await storage.stat('direct')]).toEqual([403, undefined]);
    expect([(await put('hello')).status, await text(storage.read('direct'))]).toEqual([200, 'hello']);
  });

  it('should say that a bucket is not there or not for these credentials', async () => {
    const secret = 'wrong-secret-of-ours';
    for (const change of [{ bucket: 'other' }, { credentials: { accessKeyId: 'test', secretAccessKey: secret } }]) {
      const failure: Error = await new S3Storage({ ...server!.settings, ...change }, roots).check().then(
        () => Promise.reject(new Error('It was found usable.')),
        (error: Error) => error,
      );
      expect(failure).toMatchObject({ code: 'storage_unavailable' });
      expect(JSON.stringify([failure, failure.cause, failure.stack])).not.toContain(secret);
    }
  });

  it('should report a store that dies in mid-upload or mid-download, and go on when it is back', async () => {
    const content = aBigFile(20 * MIB);
    await storage.write('survivor', of(content));
    const download = storage.read('survivor');
    const upload = new Readable({ read: () => undefined });
    const written = storage.write('survivor', upload);
    upload.push(content);
    await new Promise((resolve) => download.once('readable', resolve));
    await server!.kill();
    upload.push(content);
    upload.push(null);
    await expect(written).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(buffer(download)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(storage.stat('survivor')).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(storage.list(at('data/set'), 10)).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(storage.check()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await server!.restart();
    expect((await buffer(storage.read('survivor'))).equals(content)).toBe(true);
  });
});
