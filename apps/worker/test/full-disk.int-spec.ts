import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aSpec, fakePython, fixture, Host } from './host.js';
import { until } from './until.js';

const JOB = '00000000-0000-4000-8000-000000000001';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

describe('a disk that is too small for a job', () => {
  it('should be told of before the job is launched, and left to another worker, or to this one later', async () => {
    const python = join(host.dir, 'trainers/trl/venv/bin');
    await mkdir(python, { recursive: true });
    await writeFile(join(host.dir, 'trainers/trl/installed.json'), '{}');
    await writeFile(join(python, 'python'), fakePython('echo launched; exit 1'), { mode: 0o755 });
    await writeFile(join(host.dir, 'models.yaml'), 'models: { house: { trainer: trl, model: /models/house-9000b } }');
    const spec = aSpec({ trainer: 'trl', requestedTrainer: 'trl', baseModel: 'house', extra: { method: 'full' } });
    const job = host.api.addJob(JOB, spec);
    await host.startAgent({ TRAINERS_DIR: join(host.dir, 'trainers'), MODELS_FILE: join(host.dir, 'models.yaml') });
    await until('the job to come back', () => job.ends.length > 0);
    expect(job).toMatchObject({
      status: 'pending',
      isPassing: true,
      refusals: [expect.stringMatching(/^The job needs about \d+ MiB on the worker's disk, which has \d+ MiB left\.$/)],
    });
    expect(job.logs.map(({ text }) => text)).not.toContain('launched');
  });
});

describe('a disk that runs full while a job trains', () => {
  it('should send the job to another worker, where it goes on from its last state', async () => {
    const job = host.api.addJob(JOB, aSpec());
    await host.startAgent({ TINY_PROGRAM: fixture('full-disk-trainer') });
    await until('the job to come back', () => job.ends.length > 0);
    expect(job).toMatchObject({ status: 'pending', refusals: ['The disk of the worker is full.'] });
    expect(job.artifacts.has('state-5.tar')).toBe(true);
    job.refusals.length = 0;
    await until('the job to complete', () => job.status === 'completed');
    expect(job).toMatchObject({ attempt: 2, ends: ['pending', 'completed'], result: { steps: 10 } });
    expect(job.logs.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'Handed back; the job goes on from its last state on another worker: The disk of the worker is full.',
        'Going on from the state of step 5.',
      ]),
    );
  });
});
