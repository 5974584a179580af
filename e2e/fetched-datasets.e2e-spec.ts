import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { REPO_ROOT, waitUntil } from '@influencerai/local';
import type { Job } from '@influencerai/sdk';
import { decodeSafetensors } from '@influencerai/tiny';
import { cachedContents, cachedFiles } from './support/dataset-cache.js';
import { MeddlingProxy } from './support/meddling-proxy.js';
import type { Service } from './support/service.js';
import { Stack } from './support/stack.js';
import { type QuickJob, stepOf, submitQuickJob, waitForJob } from './support/training.js';

jest.setTimeout(120_000);

const run = promisify(execFile);
const TENANT = 'tenant_far';
const SET = 'data/datasets/my-influencer';
/** Added to one picture, so that a download of it can be held up. */
const LARGE_BYTES = 3_000_000;
const LARGE = '03-cook.png';
const DISK_BYTES = 40_000_000;

/** A small disk. @returns undefined where this user may not mount one */
const mountSmallDisk = async (bytes: number): Promise<string | undefined> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'influencerai-disk-'));
  const isMounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]).then(
    () => true,
    () => false,
  );
  if (isMounted) return folder;
  await rm(folder, { recursive: true });
  return undefined;
};

const unmount = async (folder: string): Promise<void> => {
  await run('umount', ['--lazy', folder]);
  await rm(folder, { recursive: true });
};

const probe = await mountSmallDisk(1_000_000);
if (probe) await unmount(probe);
const holds = (what: string, ask: () => Promise<boolean> | boolean) => waitUntil(ask, { timeoutMs: 60_000, what });
const describeDisks = probe ? describe : describe.skip;
const because = probe ? '' : ', left out here: this user may not mount a tmpfs';

describe('a worker on another host', () => {
  let stack: Stack;
  let proxy: MeddlingProxy;
  let worker: Service;
  let count = 0;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres', workers: 0 });
    proxy = await MeddlingProxy.start(stack.apiUrl);
    await mkdir(stack.path('nothing'));
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  beforeEach(() => void (count += 1));
  afterEach(async () => {
    proxy.goOn();
    await worker.stop('SIGKILL');
    const { jobs } = stack.client(TENANT);
    for await (const { id } of jobs.list()) await jobs.cancel(id).catch(() => undefined);
  });

  const startWorker = async (environment: Record<string, string> = {}) => {
    worker = await stack.startWorker({ API_URL: proxy.url, DATA_ROOT: stack.path('nothing'), ...environment });
    proxy.take();
  };
  const cacheDir = (workerDir = stack.path(`worker-${stack.workers.length - 1}`)) =>
    path.join(workerDir, 'cache/datasets');
  const submit = (job: Partial<QuickJob> = {}) => submitQuickJob(stack.client(TENANT), { steps: 3, path: SET, ...job });
  const until = (job: Job, isAsWanted: (job: Job) => boolean) => waitForJob(stack.client(TENANT), job.id, isAsWanted);
  const ended = (job: Job) => until(job, ({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
  const train = async (dataset = SET): Promise<Job> => ended(await submit({ path: dataset }));
  const filesOf = async ({ id }: Job) => (await stack.client(TENANT).jobs.dataset(id)).data;
  const logOf = async ({ id }: Job) =>
    (await stack.client(TENANT).jobs.logs(id)).data.map(({ text }) => text).join('\n');
  const cached = (dir = cacheDir()) => cachedFiles(dir);
  const cachedBytes = async () =>
    (await Promise.all((await cached()).map((file) => stat(file)))).reduce((sum, { size }) => sum + size, 0);
  /** Whether every file of the cache is what its name says. */
  const isSound = async () => [...(await cachedContents(cacheDir()))].every(([name, sha256]) => name === sha256);
  /** A dataset whose files differ from each other and from those of all others; one picture is large. */
  const copyOfSet = async (name = `copy-${count}`): Promise<{ set: string; names: string[]; bytes: number }> => {
    const set = `data/datasets/${name}`;
    await cp(stack.path(SET), stack.path(set), { recursive: true });
    for (const file of ['LICENSE', 'README.md']) await rm(stack.path(`${set}/${file}`));
    const names = (await readdir(stack.path(set))).sort();
    for (const file of names) await writeFile(stack.path(`${set}/${file}`), `${name} ${file}`, { flag: 'a' });
    await writeFile(stack.path(`${set}/${LARGE}`), Buffer.alloc(LARGE_BYTES), { flag: 'a' });
    const sizes = await Promise.all(names.map((file) => stat(stack.path(`${set}/${file}`))));
    return { set, names, bytes: sizes.reduce((sum, { size }) => sum + size, 0) };
  };

  it('should train to the end with what it fetches, and fetch nothing twice', async () => {
    await startWorker();
    const { set, names } = await copyOfSet();
    const first = await train(set);
    expect(first).toMatchObject({ status: 'completed', result: { steps: 3 } });
    expect(proxy.take().sort()).toEqual(names);
    expect(await logOf(first)).toMatch(/Fetching \d+ files .* from the API; 0 of/);

    const second = await train(set);
    expect([second.status, proxy.take()]).toEqual(['completed', []]);
    expect(await logOf(second)).toContain(`${names.length} of ${names.length} files are in the cache`);
    await worker.stop('SIGTERM');
    await worker.start();
    expect([(await train(set)).status, proxy.take()]).toEqual(['completed', []]);
  });

  it('should train on text', async () => {
    await startWorker();
    await mkdir(stack.path('data/datasets/talk'), { recursive: true });
    await writeFile(stack.path('data/datasets/talk/a.jsonl'), '{"text": "to be"}\n{"text": "or not to be"}\n');
    const client = stack.client(TENANT);
    const dataset = await client.datasets.create({ kind: 'fine-tuning', path: 'data/datasets/talk' });
    const config = await client.loraConfigs.create({ name: 'talk', modelName: 'tiny-text', meta: { maxSteps: 3 } });
    const payload = { datasetId: dataset.id, loraConfigId: config.id };
    const job = await ended(await client.jobs.create({ type: 'lora-training', payload }));
    expect([job.status, proxy.take()]).toEqual(['completed', ['a.jsonl']]);
    expect(await logOf(job)).not.toContain('when it was measured');
  });

  it('should go on where the connection broke', async () => {
    await startWorker();
    const { set } = await copyOfSet();
    proxy.cutAfterBytes = 700;
    expect(await train(set)).toMatchObject({ status: 'completed' });
    const ranges = proxy.downloads.filter(({ range }) => range !== undefined);
    expect(ranges).toEqual([{ name: expect.any(String), range: 'bytes=700-' }]);
    const [resumed] = ranges;
    expect(proxy.downloads.filter(({ name }) => name === resumed!.name)).toHaveLength(2);
  });

  it('should wait for an API that hands out nothing for a while, and say so', async () => {
    await startWorker();
    const { set } = await copyOfSet();
    proxy.refusals = 12;
    const job = await train(set);
    expect(job).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await logOf(job)).toContain('The fetch was interrupted and is tried again');
  });

  it('should fetch what changed, and what was damaged in its cache, anew', async () => {
    await startWorker();
    const { set } = await copyOfSet();
    await train(set);
    proxy.take();
    await writeFile(stack.path(`${set}/01-portrait.txt`), 'something else');
    const changed = await train(set);
    expect([changed.status, proxy.take()]).toEqual(['completed', ['01-portrait.txt']]);

    const picture = (await filesOf(changed)).find(({ name }) => name === '02-farmer.png')!;
    const damaged = path.join(cacheDir(), 'contents/tenant-tenant_far', picture.sha256);
    await chmod(damaged, 0o644);
    await writeFile(damaged, Buffer.alloc(picture.sizeBytes));
    expect([(await train(set)).status, proxy.take()]).toEqual(['completed', ['02-farmer.png']]);
    expect(await isSound()).toBe(true);
  });

  it('should keep what a trainer does to its pictures from other jobs', async () => {
    const { set, names } = await copyOfSet();
    await startWorker({ TINY_PROGRAM: path.join(REPO_ROOT, 'e2e/fixtures/untidy-trainer.mjs') });
    const workerDir = stack.path(`worker-${stack.workers.length - 1}`);
    expect((await train(set)).status).toBe('completed');
    await worker.stop('SIGTERM');
    expect(await cached()).toHaveLength(names.length);
    await startWorker({ WORKER_DIR: workerDir });
    expect([(await train(set)).status, proxy.take()]).toEqual(['completed', ['01-portrait.png']]);
  });

  it('should remove what was not used for longest when its cache is full', async () => {
    const [a, b, c] = [await copyOfSet('lru-a'), await copyOfSet('lru-b'), await copyOfSet('lru-c')];
    const limit = a.bytes + b.bytes;
    await startWorker({ DATASET_CACHE_BYTES: String(limit) });
    for (const { set } of [a, b, a, c]) {
      expect((await train(set)).status).toBe('completed');
      expect(await cachedBytes()).toBeLessThanOrEqual(limit);
    }
    proxy.take();
    expect([(await train(a.set)).status, proxy.take()]).toEqual(['completed', []]);
    expect([(await train(b.set)).status, proxy.take().sort()]).toEqual(['completed', b.names]);
  });

  it('should leave running jobs what they use, and begin others when there is room', async () => {
    const [used, wanted] = [await copyOfSet('room-a'), await copyOfSet('room-b')];
    await startWorker({ DATASET_CACHE_BYTES: String(used.bytes), WORKER_SLOTS: '2' });
    const running = await submit({ path: used.set, steps: 1000, stepDelayMs: 50 });
    await until(running, (job) => stepOf(job) > 0);
    const waiting = await submit({ path: wanted.set });
    await until(waiting, ({ result }) => String(result?.['stage']).startsWith('Waiting for room'));
    expect(await cached()).toHaveLength(used.names.length);
    await stack.client(TENANT).jobs.cancel(running.id);
    expect(await ended(waiting)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await cached()).toHaveLength(wanted.names.length);
  });

  it('should hand back a dataset that its cache cannot take, and go on with others', async () => {
    const { set, bytes } = await copyOfSet();
    await startWorker({ DATASET_CACHE_BYTES: String(bytes - 1) });
    const job = await submit({ path: set });
    await until(job, ({ waitingReason }) => /No live worker .*DATASET_CACHE_BYTES/.test(waitingReason ?? ''));
    expect((await train()).status).toBe('completed');
    expect(await stack.client(TENANT).jobs.get(job.id)).toMatchObject({ status: 'pending', attempt: 1 });
  });

  it('should fetch once what two jobs need at the same time', async () => {
    const { set, names } = await copyOfSet();
    await startWorker({ WORKER_SLOTS: '2' });
    proxy.hold(LARGE, 1000);
    const jobs = [await submit({ path: set }), await submit({ path: set })];
    for (const job of jobs) await until(job, ({ result }) => typeof result?.['stage'] === 'string');
    proxy.goOn();
    for (const job of jobs) expect((await ended(job)).status).toBe('completed');
    expect(proxy.take().sort()).toEqual(names);
  });

  it('should go on with a file whose other job was cancelled meanwhile', async () => {
    const { set } = await copyOfSet();
    await startWorker({ WORKER_SLOTS: '2' });
    proxy.hold(LARGE, 1000);
    const [first, second] = [await submit({ path: set }), await submit({ path: set })];
    await holds('both jobs to fetch', async () => {
      const jobs = await Promise.all([first, second].map(({ id }) => stack.client(TENANT).jobs.get(id)));
      return proxy.isHolding && jobs.every(({ result }) => result?.['stage'] !== undefined);
    });
    await stack.client(TENANT).jobs.cancel(first.id);
    expect((await ended(first)).status).toBe('cancelled');
    proxy.goOn();
    expect((await ended(second)).status).toBe('completed');
    expect(await isSound()).toBe(true);
  });

  it('should show how far it is, and keep its job, while a download takes longer than the lease', async () => {
    const { set } = await copyOfSet();
    await startWorker();
    proxy.hold(LARGE, 1000);
    const job = await submit({ path: set });
    await until(job, ({ result }) => /^Fetching the dataset: \d+ %$/.test(String(result?.['stage'])));
    const lease = async () =>
      (await stack.rows<{ at: Date }>('select lease_expires_at as at from job where id = $1', [job.id]))[0]!.at;
    const first = await lease();
    await holds('the lease to be extended by more than its length', async () => {
      return (await lease()).getTime() > first.getTime() + 8000;
    });
    proxy.goOn();
    expect(await ended(job)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('should cancel a job that fetches', async () => {
    const { set } = await copyOfSet();
    await startWorker();
    proxy.hold(LARGE, 1000);
    const job = await submit({ path: set });
    await holds('a download that hangs', () => proxy.isHolding);
    await stack.client(TENANT).jobs.cancel(job.id);
    expect((await ended(job)).status).toBe('cancelled');
    expect(await logOf(job)).not.toContain('Fetched');
    await holds('the half file to be gone', async () => (await cachedFiles(`${cacheDir()}/partial`)).length === 0);
  });

  it('should leave nothing broken in its cache when it is killed while it fetches', async () => {
    const { set, names } = await copyOfSet();
    await startWorker();
    proxy.hold(LARGE, 1000);
    const job = await submit({ path: set });
    await holds('all but one file', async () => proxy.isHolding && (await cached()).length === names.length);
    await worker.stop('SIGKILL');
    proxy.goOn();
    proxy.take();
    await worker.start();
    expect((await ended(job)).status).toBe('completed');
    expect(proxy.take()).toContain(LARGE);
    expect([await isSound(), (await cached()).length]).toEqual([true, names.length]);
  });

  it('should train on a dataset that changed before the claim as it is, and say so in log and weights', async () => {
    const { set } = await copyOfSet();
    const job = await submit({ path: set });
    await writeFile(stack.path(`${set}/01-portrait.txt`), 'another caption');
    await startWorker();
    const { status, result } = await ended(job);
    const { jobs } = stack.client(TENANT);
    const { digest } = await jobs.dataset(job.id);
    expect([status, await logOf(job)]).toEqual(['completed', expect.stringContaining(`is ${digest} now`)]);
    const weights = await jobs.downloadArtifact(job.id, path.basename(String(result?.['loraPath'])));
    const { metadata } = decodeSafetensors(Buffer.from(await weights.arrayBuffer()));
    expect(metadata['dataset_digest']).toBe(digest);
  });

  it('should fail a job whose dataset is gone, with that reason', async () => {
    const { set } = await copyOfSet();
    const job = await submit({ path: set });
    await rm(stack.path(set), { recursive: true });
    await startWorker();
    expect(await ended(job)).toMatchObject({
      status: 'failed',
      result: { code: 'dataset_unreadable', error: expect.stringContaining('does not exist any more') },
    });
  });

  it.each(['../escaped', '/tmp/escaped-from-dataset', 'a\0b', 'a/../../escaped', '.hidden', `${'x'.repeat(300)}.png`])(
    'should take no file of the name %j from the API',
    async (name) => {
      await startWorker();
      proxy.rename = () => name;
      const job = await train();
      proxy.rename = undefined;
      expect(job).toMatchObject({ status: 'failed', result: { code: 'dataset_unreadable' } });
    },
  );

  it('should read what it mounts when that is the same, and fetch when it is not', async () => {
    const { set } = await copyOfSet();
    const mounted = stack.path(set.replace('data', 'mounted'));
    await cp(stack.path(set), mounted, { recursive: true });
    await startWorker({ DATA_ROOT: stack.path('mounted') });
    expect([(await train(set)).status, proxy.take()]).toEqual(['completed', []]);
    await writeFile(`${mounted}/01-portrait.txt`, 'an old version');
    const fetched = await train(set);
    expect([fetched.status, proxy.take()]).toEqual(['completed', expect.arrayContaining(['01-portrait.txt'])]);
    expect(await logOf(fetched)).toContain('DATA_ROOT has other files');
  });

  it('should learn nothing of another tenant’s job', async () => {
    await startWorker();
    const { id } = await train();
    const stranger = stack.client('tenant_near').jobs;
    await expect(stranger.dataset(id)).rejects.toMatchObject({ statusCode: 404 });
    await expect(stranger.downloadDatasetFile(id, 'a.png')).rejects.toMatchObject({ statusCode: 404 });
  });

  describeDisks(`with a small disk${because}`, () => {
    let disk: string;
    beforeEach(async () => void (disk = (await mountSmallDisk(DISK_BYTES))!));
    afterEach(async () => {
      await worker.stop('SIGKILL');
      await unmount(disk);
    });
    /** Leaves room for a worker and a small job, but not for the large picture. */
    const fill = () => writeFile(`${disk}/ballast`, Buffer.alloc(DISK_BYTES - LARGE_BYTES + 200_000));

    it('should hand back a dataset that has no room, and take it at the next start when there is room', async () => {
      const { set } = await copyOfSet();
      await startWorker({ WORKER_DIR: disk });
      await fill();
      const job = await submit({ path: set });
      await until(job, ({ waitingReason }) => /The disk of the worker has .* free/.test(waitingReason ?? ''));
      expect([proxy.take(), await cached(cacheDir(disk))]).toEqual([[], []]);
      await rm(`${disk}/ballast`);
      await worker.stop('SIGTERM');
      await worker.start();
      expect(await ended(job)).toMatchObject({ status: 'completed', attempt: 2 });
    });

    it('should hand back a dataset when the disk runs full on the way, and keep no half file', async () => {
      const { set } = await copyOfSet();
      await startWorker({ WORKER_DIR: disk });
      proxy.hold(LARGE, 1000);
      const job = await submit({ path: set });
      await holds('a download that hangs', () => proxy.isHolding);
      await fill();
      proxy.goOn();
      await until(job, ({ waitingReason }) => /ran full while the dataset was fetched/.test(waitingReason ?? ''));
      expect(await cachedFiles(`${cacheDir(disk)}/partial`)).toEqual([]);
      expect(await stack.client(TENANT).jobs.get(job.id)).toMatchObject({ status: 'pending', attempt: 1 });
    });
  });
});
