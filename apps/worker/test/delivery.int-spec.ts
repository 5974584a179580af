import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { UpdateJob } from '@influencerai/shared';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ApiFailure } from '../src/api/api.js';
import { resumeDelivery } from '../src/leftovers.js';
import { Delivery, type DeliveryOptions } from '../src/runner/delivery.js';
import type { RunnerContext } from '../src/runner/runner-context.js';
import { Spool, type SpoolEntry } from '../src/runner/spool.js';
import { Workspace } from '../src/runner/workspace.js';

let dir: string;
let spool: Spool;
let sent: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'delivery-'));
  spool = await Spool.open(join(dir, 'spool'));
  sent = [];
});

afterEach(() => rm(dir, { recursive: true, force: true }));

/** An API that takes everything but uploads, which the test answers. */
const start = (putArtifact: DeliveryOptions['api']['putArtifact']): Delivery =>
  new Delivery({
    job: { jobId: 'j1', attempt: 1, tenantId: 't1' },
    spool,
    api: {
      appendLogs: () => Promise.resolve(),
      updateJob: (_job, { status }) => Promise.resolve(void sent.push(String(status))),
      putArtifact,
    },
    jobDir: dir,
    log: pino({ level: 'silent' }),
    retryMs: { first: 10, max: 10 },
  });

/** A file of zeros that takes no room on the disk. */
const file = async (name: string, sizeBytes: number): Promise<string> => {
  const path = join(dir, name);
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return path;
};

const artifact = async (kind: 'state' | 'checkpoint', sizeBytes: number): Promise<SpoolEntry> => {
  const name = `${kind}.bin`;
  return { type: 'artifact', name, kind, step: 1, file: await file(name, sizeBytes) };
};

describe('Delivery.finish', () => {
  it('should wait for a large state that is on its way, and hand the job back after it', async () => {
    const { promise: uploaded, resolve: upload } = Promise.withResolvers<void>();
    const { promise: began, resolve: begin } = Promise.withResolvers<void>();
    await spool.add(await artifact('state', 400_000_000));
    await spool.add({ type: 'end', body: { status: 'pending' } });
    const delivery = start(async () => {
      begin();
      await uploaded;
    });
    await began;
    const finished = delivery.finish(1);
    // Longer than the patience: it runs out before this timer does.
    setTimeout(upload, 100);
    await finished;
    expect(await delivery.ended).toBe('delivered');
    expect(sent).toEqual(['pending']);
  });

  it('should give up when nothing gets through, and keep what is undelivered', async () => {
    await spool.add(await artifact('state', 400_000_000));
    await spool.add({ type: 'end', body: { status: 'pending' } });
    const delivery = start(() => Promise.reject(new ApiFailure('retry', 'The API is away.')));
    await delivery.finish(50);
    expect(await delivery.ended).toBe('stopped');
    expect([spool.count('states'), spool.count('end'), sent]).toEqual([1, 1, []]);
  });

  it('should give up as soon as the upload that it waited for has failed', async () => {
    const { promise: answered, reject: fail } = Promise.withResolvers<void>();
    const { promise: began, resolve: begin } = Promise.withResolvers<void>();
    await spool.add(await artifact('state', 400_000_000));
    await spool.add({ type: 'end', body: { status: 'pending' } });
    const delivery = start(() => {
      begin();
      return answered;
    });
    await began;
    const finished = delivery.finish(1);
    // The patience is over, and the upload has 100 s by its size.
    setTimeout(() => fail(new ApiFailure('retry', 'The API is away.')), 100);
    await finished;
    expect([await delivery.ended, sent]).toEqual(['stopped', []]);
  });

  it('should not let a state wait for checkpoints', async () => {
    const { promise: uploaded, resolve: upload } = Promise.withResolvers<void>();
    await spool.add(await artifact('checkpoint', 10));
    await spool.add(await artifact('state', 10));
    await spool.add({ type: 'end', body: { status: 'pending' } });
    const delivery = start(async (_job, { kind }) => {
      if (kind === 'checkpoint') await uploaded;
      else upload();
    });
    expect(await delivery.ended).toBe('delivered');
  });
});

describe('Delivery.cancel', () => {
  /** A checkpoint and a state that go nowhere before they are given up. */
  const startUploads = async () => {
    await spool.add(await artifact('checkpoint', 10));
    await spool.add(await artifact('state', 10));
    await spool.add({ type: 'end', body: { status: 'cancelled', result: {} } });
    const under = { checkpoint: Promise.withResolvers<void>(), state: Promise.withResolvers<void>() };
    const began: string[] = [];
    const bothBegan = Promise.withResolvers<void>();
    const delivery = start((_job, { kind }, signal) => {
      const upload = under[kind as 'checkpoint' | 'state'];
      signal?.addEventListener('abort', () => upload.reject(new ApiFailure('retry', 'It was given up.')));
      if (began.push(kind) === 2) bothBegan.resolve();
      return upload.promise.then(() => void sent.push(kind));
    });
    await bothBegan.promise;
    return { delivery, state: under.state };
  };

  it('should drop what is undelivered', async () => {
    const { delivery } = await startUploads();
    delivery.cancel();
    expect([await delivery.ended, sent]).toEqual(['delivered', ['cancelled']]);
  });

  it('should let a state go on that somebody goes on from', async () => {
    const { delivery, state } = await startUploads();
    delivery.cancel({ statesMs: 60_000 });
    // The checkpoint is given up first; had the state been, too, this would come too late.
    setImmediate(() => state.resolve());
    expect([await delivery.ended, sent]).toEqual(['delivered', ['state', 'cancelled']]);
  });

  it('should give up a state, too, that takes longer than its size needs', async () => {
    const { delivery } = await startUploads();
    delivery.cancel({ statesMs: 1 });
    expect([await delivery.ended, sent]).toEqual(['delivered', ['cancelled']]);
  });
});

describe('resumeDelivery', () => {
  const leftover = async (isSession: boolean) => {
    const workspace = Workspace.of(dir, 'j1', 1);
    const left = await workspace.openSpool();
    const path = join(workspace.dir, 'state.bin');
    await writeFile(path, 'x');
    await left.add({ type: 'artifact', name: 'state.bin', kind: 'state', step: 1, file: path });
    await left.add({ type: 'end', body: { status: 'cancelled' } });
    return { job: { jobId: 'j1', attempt: 1, tenantId: 't1' }, isSession, workspace, spool: left };
  };

  it.each([
    [true, ['state.bin', 'cancelled']],
    [false, ['cancelled']],
  ])('should bring the state of a cancelled session through, after a restart too: %p', async (isSession, expected) => {
    const { promise: tried, resolve: hasTried } = Promise.withResolvers<void>();
    let isAway = true;
    const api = {
      updateJob: (_job: unknown, { status }: UpdateJob) => Promise.resolve(void sent.push(String(status))),
      putArtifact: (_job: unknown, { name }: { name: string }) => {
        hasTried();
        if (isAway) return Promise.reject(new ApiFailure('retry', 'The API is away.'));
        return Promise.resolve(void sent.push(name));
      },
    };
    const pace = { retryMs: { first: 10, max: 10 } };
    const context = { api, pace, log: pino({ level: 'silent' }), keepWorkspaces: 0 } as unknown as RunnerContext;
    const { requestStop, delivered } = resumeDelivery(await leftover(isSession), context);
    await tried;
    requestStop('cancel');
    isAway = false;
    await delivered;
    expect(sent).toEqual(expected);
  });
});
