import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aSpec, fixture, Host } from './host.js';
import { until } from './until.js';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const slow = () => aSpec({ extra: { stepDelayMs: 100 } });

describe('a worker that drains', () => {
  it('should hand its job back with a state, from which a worker elsewhere goes on', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    const agent = await host.startAgent();
    await until('progress', () => job.result);
    await host.drain(agent);
    expect(job).toMatchObject({ status: 'pending', attempt: 1, ends: ['pending'] });
    expect(host.api.heartbeats.at(-1)).toMatchObject({ isDraining: true });
    const state = [...job.artifacts.values()].find(({ meta }) => meta.kind === 'state')?.meta;
    expect(state?.step).toBeGreaterThan(0);

    // Another host: nothing of the first worker's folder is there.
    job.spec = aSpec();
    await rm(host.workerDir, { recursive: true });
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job).toMatchObject({ attempt: 2, ends: ['pending', 'completed'] });
    expect(job.logs.map((line) => line.text)).toContain(`Going on from the state of step ${state?.step}.`);
    expect(job.result).toMatchObject({ steps: 40, initialLoss: 1 });
  });

  it('should hand on a state that is used only as it was sent', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    const agent = await host.startAgent();
    await until('progress', () => job.result);
    await host.drain(agent);
    const state = [...job.artifacts.values()].find(({ meta }) => meta.kind === 'state')!;
    // One bit of the weights; the archive is whole.
    state.content[520]! ^= 1;
    await rm(host.workerDir, { recursive: true });
    await host.startAgent();
    const text = 'No state of an earlier attempt was found; starting over.';
    await until('the second attempt to start over', () => job.logs.some((line) => line.text === text));
  });

  it('should say that a session starts over whose deleted one left no state that can be used', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    job.session = { allowedSteps: 40, idleMs: 60_000, isContinued: true };
    await host.startAgent();
    await until('progress', () => job.result);
    expect(job.logs.map(({ text }) => text)).toContain('No state of an earlier attempt was found; starting over.');
  });

  it('should keep no encoded pictures of an attempt that ended here, nor of one that a crash interrupted', async () => {
    const id = '00000000-0000-4000-8000-000000000001';
    const job = host.api.addJob(id, slow());
    const folder = join(host.workerDir, 'jobs', id, 'attempt-1', 'dataset', 'images');
    const encode = async (): Promise<void> => {
      await mkdir(folder, { recursive: true });
      for (const name of ['0_sdxl.npz', '0.txt']) await writeFile(join(folder, name), '');
    };
    const agent = await host.startAgent();
    await until('progress', () => job.result);
    await encode();
    await host.drain(agent);
    expect(await readdir(folder)).toEqual(['0.txt']);
    await encode();
    await host.startAgent();
    expect(await readdir(folder)).toEqual(['0.txt']);
  });

  it('should exit with 0 on SIGTERM, having handed its job back', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    const worker = host.startProcess();
    await until('progress', () => job.result);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    expect(job.status).toBe('pending');
  });

  it('should take no job any more', async () => {
    const agent = await host.startAgent();
    await host.drain(agent);
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    expect(job.attempt).toBe(0);
  });

  it('should end at once at the second signal', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    const worker = host.startProcess({ TINY_PROGRAM: fixture('stubborn-trainer'), GRACE_MS: '60000' });
    await until('the trainer to run', () => job.result);
    worker.kill('SIGTERM');
    await until('the worker to drain', () => host.api.heartbeats.at(-1)?.isDraining);
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([143, null]);
    // What it left is ended by the next one.
    await host.startAgent({ GRACE_MS: '100' });
    await until('the stray to be gone', async () => (await host.liveTrainers()) === 0 || job.attempt > 1);
  });
});

describe('a worker that cannot start', () => {
  const outputOf = async (overrides: Record<string, string>) => {
    const worker = host.startProcess(overrides);
    let text = '';
    worker.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(worker, 'close')) as [number];
    return { code, text };
  };

  it('should say in one line that its folder is taken', async () => {
    host.startProcess();
    await until('the first to register', () => host.api.registrations.length === 1);
    const { code, text } = await outputOf({});
    expect(code).toBe(1);
    expect(text).toMatch(/^The folder .* is in use by another worker \(process \d+\)\. Stop that one.*\n$/);
  });

  it('should take over the lock of one that crashed', async () => {
    const first = host.startProcess();
    await until('the first to register', () => host.api.registrations.length === 1);
    first.kill('SIGKILL');
    await once(first, 'exit');
    host.startProcess();
    await until('the second to register', () => host.api.registrations.length === 2);
  });

  it('should name every wrong setting', async () => {
    const { code, text } = await outputOf({
      API_URL: 'localhost:3001',
      WORKER_SLOTS: 'many',
      WORKER_TRAINERS: 'tiny,teacher',
    });
    expect(code).toBe(1);
    for (const name of ['API_URL', 'WORKER_SLOTS', 'WORKER_TRAINERS']) expect(text).toContain(name);
  });

  it('should say that no trainer is there', async () => {
    const { code, text } = await outputOf({ WORKER_TRAINERS: 'tiny', TINY_PROGRAM: '/nowhere/main.js' });
    expect(code).toBe(1);
    expect(text).toMatch(/^No trainer can start on this host\..*\n$/);
  });
});
