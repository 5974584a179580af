import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOf } from '../src/runner/process-group.js';
import { aSpec, fixture, Host } from './host.js';
import { until } from './until.js';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const slow = (stepDelayMs = 200) => aSpec({ extra: { stepDelayMs } });
const stubborn = { TINY_PROGRAM: fixture('stubborn-trainer'), GRACE_MS: '100' };
const pidsOf = (jobId: string) =>
  until('the trainer to have started its own child', async () => {
    const file = join(host.workerDir, 'jobs', jobId, 'attempt-1/pids.json');
    return readFile(file, 'utf8').then(
      (text) => JSON.parse(text) as number[],
      () => undefined,
    );
  });
const areGone = async (pids: number[]): Promise<boolean> => {
  const starts = await Promise.all(pids.map(startOf));
  return starts.every((start) => start === undefined);
};

describe('a worker that is told to stop a job', () => {
  it('should cancel it, with what was saved', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    await host.startAgent();
    await until('a checkpoint', () => job.artifacts.has('x-epoch-1.safetensors'));
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    expect(job.result).toMatchObject({
      partialCheckpoints: expect.arrayContaining(['x-epoch-1.safetensors']),
      epoch: expect.any(Number),
    });
  });

  it('should deliver the state of the last step of a session that is cancelled', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow(50));
    job.session = { allowedSteps: 40, idleMs: 60_000, isContinued: false };
    await host.startAgent();
    await until('its first state, and steps after it', () => job.artifacts.has('state-10.tar') && job.metrics.has(11));
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    const last = Math.max(...job.metrics.keys());
    expect(last).toBeGreaterThan(10);
    expect([...job.artifacts.keys()]).toContain(`state-${last}.tar`);
  });

  it('should cancel it although a file can never be uploaded', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    host.api.refusedFiles.set('x-final.safetensors', 503);
    await host.startAgent();
    await until('the first checkpoint', () => job.artifacts.has('x-epoch-1.safetensors'));
    await until('its end to be written down', () => host.isSpooled('end'));
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    expect(job.result?.['partialCheckpoints']).not.toContain('x-final.safetensors');
  });

  it('should hear it on the control stream, long before the next heartbeat', async () => {
    host.api.heartbeatMs = 60_000;
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    await host.startAgent();
    await until('the control stream', () => host.api.controlStreams === 1);
    await until('progress', () => job.result);
    host.api.direct({ jobId: '00000000-0000-4000-8000-000000000001', attempt: 1, directive: 'cancel' });
    await until('the job to be cancelled', () => job.status === 'cancelled');
  });

  it('should kill the whole tree of a trainer that does not obey', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent(stubborn);
    const pids = await pidsOf('00000000-0000-4000-8000-000000000001');
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    expect(await areGone(pids)).toBe(true);
  });

  it('should stop the trainer of an attempt that another one replaced, and report nothing', async () => {
    host.api.heartbeatMs = 60_000;
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    await host.startAgent();
    await until('progress', () => job.result);
    host.api.takeAway(job);
    await until('the trainer to be gone', async () => (await host.liveTrainers()) === 0);
    await until(
      'its reports to be dropped',
      async () =>
        !(await readdir(join(host.workerDir, 'jobs/00000000-0000-4000-8000-000000000001/attempt-1'))).includes('spool'),
    );
    expect(job).toMatchObject({ status: 'running', attempt: 2, ends: [] });
  });

  it('should stop it at once when a heartbeat says that the attempt is lost', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent({ ...stubborn, GRACE_MS: '60000' });
    const pids = await pidsOf('00000000-0000-4000-8000-000000000001');
    host.api.takeAway(job);
    await until('the trainer and its child to be gone', () => areGone(pids));
    expect(job.ends).toEqual([]);
  });

  it('should hand a job back whose trainer somebody else stopped, and go on with it', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    await host.startAgent();
    await until('progress', () => job.result);
    const file = join(host.workerDir, 'jobs/00000000-0000-4000-8000-000000000001/attempt-1/trainer.json');
    const record = await until('the record of the trainer', () => readFile(file, 'utf8').catch(() => undefined));
    job.spec = aSpec();
    process.kill((JSON.parse(record) as { pid: number }).pid, 'SIGTERM');
    await until('the job to complete', () => job.status === 'completed');
    expect(job).toMatchObject({ attempt: 2, ends: ['pending', 'completed'] });
  });

  it('should beat again soon after a heartbeat that hangs', async () => {
    host.api.addJob('00000000-0000-4000-8000-000000000001', slow(50));
    await host.startAgent();
    host.api.hungHeartbeats = 1;
    await until('a heartbeat that hangs', () => host.api.hungHeartbeats <= 0);
    const count = host.api.heartbeats.length;
    const hungAtMs = performance.now();
    await until('the next heartbeat', () => host.api.heartbeats.length > count);
    expect(performance.now() - hungAtMs).toBeLessThan(15_000);
  });

  it('should register again, with what it holds, when the API forgot it', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow(50));
    await host.startAgent();
    await until('progress', () => job.result);
    host.api.forgetWorkers();
    await until('a second registration', () => host.api.registrations.length >= 2);
    expect(host.api.registrations[1]?.held).toEqual([{ jobId: '00000000-0000-4000-8000-000000000001', attempt: 1 }]);
    await until('the job to complete', () => job.status === 'completed');
    expect(job.attempt).toBe(1);
  });
});
