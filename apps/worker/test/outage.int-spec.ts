import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { startOf } from '../src/runner/process-group.js';
import { aSpec, fixture, Host } from './host.js';
import { until } from './until.js';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const slow = (stepDelayMs = 50) => aSpec({ extra: { stepDelayMs } });
const endIsSpooled = () => until('the end to lie in the spool', () => host.isSpooled('end'));

describe('a worker whose API is away', () => {
  it('should train on and deliver everything later', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow());
    await host.startAgent();
    await until('progress', () => job.result);
    await host.api.stop();
    await endIsSpooled();
    await host.api.start();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.ends).toEqual(['completed']);
    expect(job.attempt).toBe(1);
    expect([...job.metrics.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect([...job.artifacts.keys()]).toEqual(
      expect.arrayContaining(['x-epoch-2.safetensors', 'x-final.safetensors', 'loss-curve.svg']),
    );
    expect(job.logs.map((line) => line.seq)).toEqual(job.logs.map((_, index) => index));
  });

  it('should start, say so in one line, and register when the API comes', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.api.stop();
    let tries = 0;
    const hangsUp = createServer((socket) => {
      tries += 1;
      socket.destroy();
    });
    hangsUp.listen(Number(new URL(host.api.url).port), '127.0.0.1');
    const started = host.startAgent({}, log);
    await until('several tries', () => tries > 3);
    hangsUp.close();
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      expect.stringMatching(/^The API at http:.* does not answer/),
    ]);
    await host.api.start();
    await started;
    await until('the job to complete', () => job.status === 'completed');
  });
});

describe('a worker whose files the API refuses', () => {
  it('should leave out the one that is refused, and complete', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    host.api.refusedFiles.set('x-epoch-1.safetensors', 413);
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result?.['checkpoints']).not.toContain('x-epoch-1.safetensors');
  });

  it('should fail the job when that is the final one', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    host.api.refusedFiles.set('x-final.safetensors', 413);
    await host.startAgent();
    await until('the job to fail', () => job.status === 'failed');
    expect(job.result).toMatchObject({ error: expect.stringMatching(/final weights could not be uploaded/) });
  });
});

describe('a worker whose folder cannot be written', () => {
  it('should hand jobs back, claim no more, and go on when it can', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await mkdir(host.workerDir, { recursive: true });
    await writeFile(join(host.workerDir, 'jobs'), '');
    await host.startAgent();
    await until('the job to be handed back', () => job.ends.length > 0);
    const beats = host.api.heartbeats.length;
    await until('some time', () => host.api.heartbeats.length > beats + 10);
    expect(job).toMatchObject({ status: 'pending', attempt: 1, ends: ['pending'] });
    await rm(join(host.workerDir, 'jobs'));
    await until('the job to complete', () => job.status === 'completed');
    expect(job.attempt).toBe(2);
  });
});

describe('a worker that is killed', () => {
  it('should leave the end of a job to the next one', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow(5));
    const first = host.startProcess();
    await until('progress', () => job.status === 'running');
    await host.api.stop();
    await endIsSpooled();
    first.kill('SIGKILL');
    await once(first, 'exit');
    await host.api.start();
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(host.api.registrations.at(-1)?.held).toEqual([
      { jobId: '00000000-0000-4000-8000-000000000001', attempt: 1 },
    ]);
    expect(job).toMatchObject({ attempt: 1, ends: ['completed'] });
    expect(job.artifacts.has('x-final.safetensors')).toBe(true);
    expect(host.api.registrations[0]?.id).toBe(host.api.registrations.at(-1)?.id);
    await until('the workspace to be removed', async () => (await readdir(join(host.workerDir, 'jobs'))).length === 0);
  });

  it('should leave a state from which the next one goes on', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow(100));
    const first = host.startProcess();
    await until('the second checkpoint', () => job.artifacts.has('x-epoch-2.safetensors'));
    first.kill('SIGKILL');
    await once(first, 'exit');
    job.spec = aSpec();
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job).toMatchObject({ attempt: 2, ends: ['completed'] });
    const resumed = job.logs.find(
      (line) => line.attempt === 2 && line.text.startsWith('Going on from the state of step'),
    );
    expect(Number(resumed?.text.match(/\d+/)?.[0])).toBeGreaterThanOrEqual(20);
    expect(job.result).toMatchObject({
      steps: 40,
      initialLoss: 1,
      checkpoints: ['x-epoch-1.safetensors', 'x-epoch-2.safetensors', 'x-epoch-3.safetensors', 'x-final.safetensors'],
    });
  });

  it('should have its trainers ended before the next one registers', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    const first = host.startProcess({ TINY_PROGRAM: fixture('stubborn-trainer') });
    await until('the trainer to run', () => job.result);
    first.kill('SIGKILL');
    await once(first, 'exit');
    const pids = JSON.parse(
      await readFile(join(host.workerDir, 'jobs/00000000-0000-4000-8000-000000000001/attempt-1/pids.json'), 'utf8'),
    ) as number[];
    expect(await Promise.all(pids.map(startOf))).not.toContain(undefined);
    await host.startAgent({ GRACE_MS: '100' });
    expect(await Promise.all(pids.map(startOf))).toEqual([undefined, undefined]);
    await until('the job to complete', () => job.status === 'completed');
  });

  it('should have what it still had to say delivered', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', slow(100));
    const first = host.startProcess();
    await until('progress', () => job.status === 'running');
    await host.api.stop();
    await until('a checkpoint that the API has not got', () => host.isSpooled('files'));
    first.kill('SIGKILL');
    await once(first, 'exit');
    await host.api.start();
    job.spec = aSpec();
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result?.['checkpoints']).toContain('x-epoch-1.safetensors');
    expect(job.artifacts.has('x-epoch-1.safetensors')).toBe(true);
  });
});

describe('a worker that runs for long', () => {
  it('should free the disk of what interrupted attempts left a week ago', async () => {
    await host.startAgent();
    const dir = join(host.workerDir, 'jobs/00000000-0000-4000-8000-000000000009');
    const weekAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    await mkdir(dir, { recursive: true });
    await utimes(dir, weekAgo, weekAgo);
    await until('the folder to be removed', async () => (await readdir(join(host.workerDir, 'jobs'))).length === 0);
  });
});
