import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collapse, mountOption, mountsFor } from './container-mounts.js';

const pictures = (folder: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${folder}/${index}.png`);

describe('collapse', () => {
  it('should take a folder in place of its many files', () => {
    expect(collapse([...pictures('/data/cats', 9), '/models/a.safetensors'])).toEqual([
      '/data/cats',
      '/models/a.safetensors',
    ]);
  });

  it('should leave few files alone, so that what lies beside them stays unseen', () => {
    expect(collapse(pictures('/data/cats', 8))).toEqual(pictures('/data/cats', 8));
  });

  it('should take nothing twice', () => {
    expect(collapse(['/models/sd/unet/x.bin', '/models/sd', '/models/sd', '/models/sd-2'])).toEqual([
      '/models/sd',
      '/models/sd-2',
    ]);
  });
});

describe('mountOption', () => {
  const read = (path: string) => mountOption({ path, isWritable: false });

  it.each(['/data/c:d', '/data/e f', '/data/p=q', '/data/ü', '/data/$HOME', '/data/-v', '/data/b\\b', "/data/it's"])(
    'should mount %s as it is',
    (path) => {
      expect(read(path)).toEqual(['--mount', `type=bind,source=${path},target=${path},readonly`]);
    },
  );

  it.each(['/data/a,b', '/data/x,readonly=false', '/data/x,source=/etc', '/data/q"q', '/data/new\nline'])(
    'should keep %j from adding to the option',
    (path) => {
      expect(read(path)).toEqual(['--volume', `${path}:${path}:ro`]);
    },
  );

  it('should refuse what neither option can say', () => {
    expect(() => read('/data/a,b:/etc')).toThrow(/cannot be mounted/);
  });

  it('should make only what is said to be writable so', () => {
    expect(mountOption({ path: '/w', isWritable: true })).toEqual(['--mount', 'type=bind,source=/w,target=/w']);
    expect(mountOption({ path: '/w,x', isWritable: true })).toEqual(['--volume', '/w,x:/w,x']);
  });
});

describe('mountsFor', () => {
  let dir: string;
  let workspace: string;

  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'worker-mounts-')));
    workspace = await makeFolder('jobs/j1/attempt-2');
  });

  afterEach(() => rm(dir, { recursive: true }));

  const makeFolder = async (name: string): Promise<string> => {
    await mkdir(join(dir, name), { recursive: true });
    return join(dir, name);
  };

  const makeFile = async (name: string): Promise<string> => {
    await makeFolder(dirname(name));
    await writeFile(join(dir, name), 'x');
    return join(dir, name);
  };

  const readable = async (reads: string[]): Promise<string[]> => {
    const mounts = await mountsFor(workspace, reads);
    const paths = mounts.filter(({ isWritable }) => !isWritable).map(({ path }) => path);
    return paths.filter((path) => !path.startsWith(workspace));
  };

  it('should let the trainer write in its workspace, but not what the worker keeps there', async () => {
    const mounts = await mountsFor(workspace, []);
    expect(mounts).toEqual([
      { path: workspace, isWritable: true },
      ...['spool', 'upload', 'fetched-dataset', 'job.json', 'loss-curve.jsonl'].map((name) => ({
        path: join(workspace, name),
        isWritable: false,
      })),
    ]);
  });

  it('should leave out what lies in the workspace anyway', async () => {
    expect(await readable([join(workspace, 'fetched-state'), join(workspace, 'fetched-dataset/a.png')])).toEqual([]);
  });

  it('should follow the links of a cache of models to the files behind them', async () => {
    const blob = await makeFile('hub/blobs/abc');
    const snapshot = await makeFolder('hub/snapshots/1');
    await symlink('../../blobs/abc', join(snapshot, 'model.safetensors'));
    await symlink('../../blobs/gone', join(snapshot, 'gone.safetensors'));
    await makeFile('hub/snapshots/1/config.json');
    await symlink('config.json', join(snapshot, 'alias.json'));
    expect(await readable([snapshot])).toEqual([blob, snapshot]);
  });

  it('should mount a link and the file behind it', async () => {
    const file = await makeFile('models/real.safetensors');
    await symlink(file, join(dir, 'link.safetensors'));
    expect(await readable([join(dir, 'link.safetensors')])).toEqual([join(dir, 'link.safetensors'), file]);
  });

  it('should not follow links that an earlier attempt of the job left in its state', async () => {
    const secret = await makeFile('host/secret');
    const state = await makeFolder('jobs/j1/attempt-1/output/state/step-4');
    await makeFile('jobs/j1/attempt-1/output/state/step-4/state.json');
    await symlink(secret, join(state, 'optimizer.pt'));
    await symlink(dirname(secret), join(state, 'folder'));
    expect(await readable([state])).toEqual([state]);
  });

  it('should refuse a state that is a link', async () => {
    await makeFile('host/state.json');
    await makeFolder('jobs/j1/attempt-1');
    await symlink(join(dir, 'host'), join(dir, 'jobs/j1/attempt-1/state'));
    await expect(readable([join(dir, 'jobs/j1/attempt-1/state')])).rejects.toThrow(/link/);
  });

  it('should refuse what is not there', async () => {
    await expect(readable([join(dir, 'nothing')])).rejects.toThrow(/ENOENT/);
  });
});
