import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TrainingSpec } from '@influencerai/shared';
import type { DatasetListing } from '@influencerai/trainers';
import { execa } from 'execa';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MountedDatasets } from '../src/datasets/mounted-dataset.js';
import { lockFolder } from '../src/lock.js';
import { listDataset } from '../src/runner/dataset-listing.js';
import { readSpool, Spool } from '../src/runner/spool.js';
import { packState, unpackState } from '../src/runner/state-archive.js';
import { removeOldJobs, retireJob, Workspace } from '../src/runner/workspace.js';
import { aSpec } from './host.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'worker-files-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

const write = async (path: string, content: string | Buffer = 'x'): Promise<string> => {
  const file = join(dir, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, content);
  return file;
};

/** A PNG of 3 by 2 pixels. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAFElEQVR4nGP4z8DAAMYQCkhDuAwAX2gF+xW2hC0AAAAASUVORK5CYII=',
  'base64',
);
const SIZE = { width: 3, height: 2 };

describe('listDataset', () => {
  const list = async (spec: TrainingSpec, storageRoot = ''): Promise<DatasetListing> =>
    listDataset(spec, await new MountedDatasets(join(dir, 'data')).find({ path: spec.dataset.path, storageRoot }));
  const image = (path: string) =>
    aSpec({ kind: 'image', dataset: { ...aSpec().dataset, kind: 'lora-training', path, triggerWord: 'ohwx' } });

  it('should list pictures by name, with their captions or the trigger word', async () => {
    for (const name of ['b.PNG', 'a.jpg', 'c.webp', 'notes.md', '.hidden.png']) await write(`data/x/${name}`, PICTURE);
    await write('data/x/a.txt', ' ohwx smiling \n');
    await write('data/x/c.txt', '\n');
    expect(await list(image('data/x'))).toEqual({
      kind: 'image',
      images: [
        { path: expect.stringMatching(/x\/a\.jpg$/), caption: 'ohwx smiling', ...SIZE },
        { path: expect.stringMatching(/x\/b\.PNG$/), caption: 'ohwx', ...SIZE },
        { path: expect.stringMatching(/x\/c\.webp$/), caption: 'ohwx', ...SIZE },
      ],
    });
  });

  it('should list the pictures of subfolders, each with the caption beside it', async () => {
    for (const name of ['a.png', 'sub/a.png', 'sub/deep/a.png', '.hidden/a.png'])
      await write(`data/x/${name}`, PICTURE);
    await write('data/x/a.txt', 'top');
    await write('data/x/sub/deep/a.TXT', 'deep');
    expect(await list(image('data/x'))).toEqual({
      kind: 'image',
      images: [
        { path: expect.stringMatching(/x\/a\.png$/), caption: 'top', ...SIZE },
        { path: expect.stringMatching(/x\/sub\/a\.png$/), caption: 'ohwx', ...SIZE },
        { path: expect.stringMatching(/x\/sub\/deep\/a\.png$/), caption: 'deep', ...SIZE },
      ],
    });
  });

  it('should leave out what the inspection could not use', async () => {
    for (const name of ['a.png', 'sub/a.png', 'sub/b.png']) await write(`data/x/${name}`, PICTURE);
    const spec = image('data/x');
    const listing = await list({ ...spec, dataset: { ...spec.dataset, leftOut: ['a.png', 'sub/b.png'] } });
    expect(listing).toMatchObject({ images: [{ path: expect.stringMatching(/x\/sub\/a\.png$/) }] });
  });

  it('should not follow links to what is not in the dataset', async () => {
    await write('data/x/a.png', PICTURE);
    await write('data/other/secret.png', PICTURE);
    await write('data/other/secret.txt', 'secret');
    await symlink(join(dir, 'data/other'), join(dir, 'data/x/folder'));
    await symlink(join(dir, 'data/other/secret.png'), join(dir, 'data/x/b.png'));
    await symlink(join(dir, 'data/other/secret.txt'), join(dir, 'data/x/a.txt'));
    expect(await list(image('data/x'))).toEqual({
      kind: 'image',
      images: [{ path: expect.stringMatching(/x\/a\.png$/), caption: 'ohwx', ...SIZE }],
    });
  });

  it('should read text from one file or from all of a folder', async () => {
    await write('data/t/more/c.csv', 'text\nthree\n');
    await write('data/t/b.jsonl', '{"text":"two"}\n');
    await write('data/t/a.txt', 'one\n');
    const text = (path: string) => list(aSpec({ dataset: { ...aSpec().dataset, path } }));
    expect(await text('data/t')).toEqual({ kind: 'text', rows: [{ text: 'one' }, { text: 'two' }, { text: 'three' }] });
    expect(await text('data/t/b.jsonl')).toEqual({ kind: 'text', rows: [{ text: 'two' }] });
  });

  it.each([
    ['data/missing', 'does not exist'],
    ['data/empty', 'holds no pictures'],
    ['data/../secret', 'leaves the data root'],
    ['../secret', 'leaves the data root'],
    ['data/link', 'leaves the data root'],
    ['data/file.png', 'must be a folder'],
  ])('should refuse %s: %s', async (path, reason) => {
    await mkdir(join(dir, 'data/empty'), { recursive: true });
    await write('secret/a.png');
    await write('data/file.png');
    await symlink(join(dir, 'secret'), join(dir, 'data/link'));
    await expect(list(image(path))).rejects.toMatchObject({
      code: 'dataset_unreadable',
      message: expect.stringContaining(reason),
    });
  });

  it("should look in the tenant's own folder, and follow no link to another tenant's", async () => {
    await write('data/tenants/a/set/a.png', PICTURE);
    await write('data/tenants/b/set/b.png', PICTURE);
    await symlink('../b/set', join(dir, 'data/tenants/a/link'));
    await symlink('b', join(dir, 'data/tenants/c'));
    expect(await list(image('data/set'), 'tenants/a')).toMatchObject({
      images: [{ path: expect.stringMatching(/tenants\/a\/set\/a\.png$/) }],
    });
    for (const [path, root] of [
      ['data/link', 'tenants/a'],
      ['data/../b/set', 'tenants/a'],
      ['data/set', 'tenants/c'],
    ] as const)
      await expect(list(image(path), root)).rejects.toMatchObject({ message: expect.stringContaining('leaves') });
  });
});

describe('a packed state', () => {
  it('should be unpacked to the same files, by tar too', async () => {
    const weights = Buffer.from(Array.from({ length: 3_000_001 }, (_, index) => index % 251));
    await write('state/lora.safetensors', weights);
    await write('state/state.json', '{"step":40}');
    await write('state/empty', '');
    await packState({ source: join(dir, 'state'), root: dir, archive: join(dir, 'up/state-40.tar') });
    await unpackState(join(dir, 'up/state-40.tar'), join(dir, 'fetched'));
    expect((await readdir(join(dir, 'fetched'))).sort()).toEqual(['empty', 'lora.safetensors', 'state.json']);
    expect((await readFile(join(dir, 'fetched/lora.safetensors'))).equals(weights)).toBe(true);
    const { stdout } = await execa('tar', ['-tf', join(dir, 'up/state-40.tar')]);
    expect(stdout.split('\n')).toEqual(['empty', 'lora.safetensors', 'state.json']);
  });

  it('should leave nothing behind when it cannot be packed', async () => {
    await write('state/a');
    await write('state/an odd name');
    const packed = packState({ source: join(dir, 'state'), root: dir, archive: join(dir, 'up/a.tar') });
    await expect(packed).rejects.toThrow('odd name');
    expect(await readdir(join(dir, 'up'))).toEqual([]);
  });

  it.each([600, 1000])('should be refused when it is cut off at %d bytes', async (sizeBytes) => {
    await write('state/a', 'x'.repeat(900));
    await packState({ source: join(dir, 'state'), root: dir, archive: join(dir, 'a.tar') });
    await truncate(join(dir, 'a.tar'), sizeBytes);
    await expect(unpackState(join(dir, 'a.tar'), join(dir, 'fetched'))).rejects.toThrow(/cut off|damaged/);
    expect(await readdir(dir)).not.toContain('fetched');
  });

  it('should be refused when it would write elsewhere', async () => {
    const evil = await write('evil/state.json', '{}');
    await execa('tar', ['-cPf', join(dir, 'evil.tar'), '--transform', 's,.*,../../escaped,', evil]);
    await expect(unpackState(join(dir, 'evil.tar'), join(dir, 'fetched'))).rejects.toThrow('damaged');
  });
});

describe(Spool.name, () => {
  const logs = (seq: number) => ({
    type: 'logs' as const,
    lines: [{ seq, stream: 'stdout' as const, text: 'x', at: '2026-01-01T00:00:00.000Z' }],
  });

  it('should keep entries in order over a restart', async () => {
    const first = await Spool.open(join(dir, 'spool'));
    await Promise.all([
      first.add(logs(0)),
      first.add(logs(1)),
      first.add({ type: 'end', body: { status: 'completed' } }),
    ]);
    await write('spool/00000009-reports.json.partial', '{');
    const second = await Spool.open(join(dir, 'spool'));
    expect(second.isSealed).toBe(true);
    const oldest = await second.first('reports');
    expect(oldest?.entry).toEqual(logs(0));
    await second.remove(oldest!.name);
    await second.add(logs(2));
    expect(await readSpool(join(dir, 'spool'), 'reports')).toEqual([logs(1), logs(2)]);
  });

  it('should let another attempt look into it while it is delivered and discarded', async () => {
    const spool = await Spool.open(join(dir, 'spool'));
    for (let seq = 0; seq < 200; seq += 1) await spool.add(logs(seq));
    const looks = Array.from({ length: 20 }, async (_, index) => {
      await delay(index);
      return readSpool(join(dir, 'spool'), 'reports');
    });
    await spool.discard();
    for (const entries of await Promise.all(looks)) expect(entries.length).toBeLessThanOrEqual(200);
    expect(await readSpool(join(dir, 'spool'), 'reports')).toEqual([]);
    expect(await readdir(dir)).not.toContain('spool');
  });

  it('should take nothing more once it is discarded', async () => {
    const spool = await Spool.open(join(dir, 'spool'));
    await spool.add(logs(0));
    await spool.discard();
    await spool.add(logs(1));
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('workspaces', () => {
  it('should keep the newest ended jobs that were asked for', async () => {
    for (const jobId of ['j1', 'j2', 'j3']) {
      await write(`jobs/${jobId}/attempt-1/a`);
      await retireJob(Workspace.of(dir, jobId, 1), 2);
    }
    expect(await readdir(join(dir, 'jobs'))).toEqual([]);
    expect(await readdir(join(dir, 'kept'))).toHaveLength(2);
  });

  it('should remove what nobody touched for long, but not what is still to be delivered', async () => {
    for (const jobId of ['j1', 'j2']) await write(`jobs/${jobId}/attempt-1/a`);
    await removeOldJobs({ workerDir: dir, inUse: new Set(['j2']), before: new Date(Date.now() + 1000) });
    expect(await readdir(join(dir, 'jobs'))).toEqual(['j2']);
  });

  it('should refuse a job id that is no plain name', () => {
    expect(() => Workspace.of(dir, '../x', 1)).toThrow('cannot name a folder');
  });
});

describe('lockFolder', () => {
  it.each(['nobody', 'a worker that crashed'])(
    'should give a folder of %s to one of many that ask at once',
    async (whose) => {
      if (whose !== 'nobody') await writeFile(join(dir, 'worker.lock'), `${process.pid} long-ago`);
      const tries = await Promise.allSettled(Array.from({ length: 50 }, () => lockFolder(dir)));
      const [taken, ...others] = tries.filter(({ status }) => status === 'fulfilled');
      expect([taken !== undefined, others]).toEqual([true, []]);
      expect(await readdir(dir)).toEqual(['worker.lock']);
    },
  );

  it('should let one in at a time', async () => {
    const unlock = await lockFolder(dir);
    await expect(lockFolder(dir)).rejects.toThrow(/in use by another worker/);
    await unlock();
    await (
      await lockFolder(dir)
    )();
  });

  it('should not be kept out by a starter that crashed while it cleared up', async () => {
    await writeFile(join(dir, 'worker.lock'), `${process.pid} long-ago`);
    await mkdir(join(dir, 'worker.lock.clearing'));
    await expect(lockFolder(dir)).rejects.toThrow(/in use by another worker/);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(join(dir, 'worker.lock.clearing'), longAgo, longAgo);
    // As a worker that the host starts again, until it can.
    await expect(lockFolder(dir)).rejects.toThrow(/in use by another worker/);
    await (
      await lockFolder(dir)
    )();
  });

  it('should not take another process with the same number for the holder', async () => {
    await writeFile(join(dir, 'worker.lock'), `${process.pid} long-ago`);
    await (
      await lockFolder(dir)
    )();
  });
});
