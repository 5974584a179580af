import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeSafetensors } from '@influencerai/tiny';
import { execa } from 'execa';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { sdkApi } from '../src/api/sdk-api.js';
import { ArtifactUploader } from '../src/runner/artifact-uploader.js';
import { Delivery } from '../src/runner/delivery.js';
import { JobRecord } from '../src/runner/job-record.js';
import type { Spool } from '../src/runner/spool.js';
import { packState } from '../src/runner/state-archive.js';
import { Workspace } from '../src/runner/workspace.js';
import { FakeApi, type FakeJob } from './fake-api.js';
import { aSpec } from './host.js';

const SECRET = 'a file of the host';
const WEIGHTS = Buffer.from(encodeSafetensors({ 'lora.down': { shape: [1], data: Float32Array.from([1]) } }));

let dir: string;
let api: FakeApi;
let job: FakeJob;
let workspace: Workspace;
let spool: Spool;
let notes: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hostile-files-'));
  api = new FakeApi();
  await api.start();
  job = Object.assign(api.addJob('j1', aSpec()), { status: 'running' as const, attempt: 1 });
  workspace = Workspace.of(join(dir, 'worker'), job.id, 1);
  await mkdir(join(workspace.dir, 'output'), { recursive: true });
  await mkdir(workspace.uploadDir);
  spool = await workspace.openSpool();
  notes = [];
  await write(join(dir, 'host/a.safetensors'), SECRET);
});

afterEach(async () => {
  await api.stop();
  await rm(dir, { recursive: true, force: true });
});

const write = async (file: string, content: string | Buffer): Promise<void> => {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
};

const inOutput = (name: string): string => join(workspace.dir, 'output', name);

/** What the worker does with a file that a trainer announces. */
const announce = async (path: string, isFinal = false): Promise<void> => {
  const uploader = new ArtifactUploader({
    workspace,
    record: new JobRecord({ checkpoints: [], samples: [], points: [] }),
    add: (entry) => spool.add(entry),
    note: (text) => notes.push(text),
    stamp: { job_id: job.id },
    finalKind: 'lora',
    now: () => 0,
  });
  uploader.take({ event: 'checkpoint', step: 1, epoch: 1, path, isFinal });
  await uploader.settled();
};

/** Brings to the API what the worker has taken, as after an outage. */
const deliver = async (): Promise<void> => {
  await spool.add({ type: 'end', body: { status: 'completed', result: {} } });
  const delivery = new Delivery({
    job: { jobId: job.id, attempt: 1, tenantId: job.tenantId },
    spool,
    api: sdkApi({ apiUrl: api.url, apiKey: undefined }),
    jobDir: workspace.jobDir,
    log: pino({ level: 'silent' }),
    retryMs: { first: 10, max: 10 },
  });
  await delivery.ended;
};

const uploaded = (): string[] => [...job.artifacts.values()].map(({ content }) => content.toString());

describe('a file that a trainer announced', () => {
  it('should be uploaded as it is when nobody touches it', async () => {
    await write(inOutput('a.safetensors'), WEIGHTS);
    await announce('output/a.safetensors');
    await deliver();
    expect([...job.artifacts]).toMatchObject([['a.safetensors', { content: WEIGHTS }]]);
  });

  it('should not be uploaded once it is a link', async () => {
    await write(inOutput('a.safetensors'), WEIGHTS);
    await announce('output/a.safetensors');
    await rm(inOutput('a.safetensors'));
    await symlink(join(dir, 'host/a.safetensors'), inOutput('a.safetensors'));
    await deliver();
    expect({ uploaded: uploaded(), ends: job.ends }).toEqual({ uploaded: [], ends: ['completed'] });
  });

  it('should not be uploaded once its folder is a link', async () => {
    await write(inOutput('sub/a.safetensors'), WEIGHTS);
    await announce('output/sub/a.safetensors');
    await rename(inOutput('sub'), inOutput('former'));
    await symlink(join(dir, 'host'), inOutput('sub'));
    await deliver();
    expect(uploaded()).toEqual([]);
  });

  it('should not hold the worker up once it is a pipe', async () => {
    await write(inOutput('a.safetensors'), WEIGHTS);
    await announce('output/a.safetensors');
    await rm(inOutput('a.safetensors'));
    await execa('mkfifo', [inOutput('a.safetensors')]);
    await deliver();
    expect({ uploaded: uploaded(), ends: job.ends }).toEqual({ uploaded: [], ends: ['completed'] });
  });

  it.each(['output/link.safetensors', 'output/folder/a.safetensors', '../../../../host/a.safetensors'])(
    'should not be taken when it lies elsewhere: %s',
    async (path) => {
      await symlink(join(dir, 'host/a.safetensors'), inOutput('link.safetensors'));
      await symlink(join(dir, 'host'), inOutput('folder'));
      await announce(path, true);
      await deliver();
      expect(uploaded()).toEqual([]);
      expect(notes).toEqual([
        expect.stringMatching(/^A file of the trainer cannot be used: .*(is a link|lies outside)/),
      ]);
    },
  );

  it('should be stamped without a write in the folder of the trainer', async () => {
    await write(inOutput('a.safetensors'), WEIGHTS);
    await symlink(join(dir, 'host/a.safetensors'), inOutput('a.safetensors.partial'));
    await announce('output/a.safetensors', true);
    await deliver();
    expect(uploaded()).toEqual([expect.stringContaining('"job_id":"j1"')]);
    expect(await readFile(join(dir, 'host/a.safetensors'), 'utf8')).toBe(SECRET);
    expect(await readFile(inOutput('a.safetensors'))).toEqual(WEIGHTS);
    expect((await readdir(inOutput('.'))).sort()).toEqual(['a.safetensors', 'a.safetensors.partial']);
  });
});

describe('packState', () => {
  it('should pack nothing from outside', async () => {
    await symlink(join(dir, 'host'), inOutput('state'));
    const pack = packState({ source: inOutput('state'), root: workspace.dir, archive: join(dir, 'a.tar') });
    await expect(pack).rejects.toThrow('lies outside the workspace');
  });
});
