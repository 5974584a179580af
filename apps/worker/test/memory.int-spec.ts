import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aSpec, fixture, Host } from './host.js';
import { until } from './until.js';

const JOB = '00000000-0000-4000-8000-000000000001';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const run = async (onOutOfMemory: 'fail' | 'shrink') => {
  const job = host.api.addJob(JOB, aSpec({ onOutOfMemory, training: { ...aSpec().training, batchSize: 2 } }));
  await host.startAgent({ TINY_PROGRAM: fixture('hungry-trainer') });
  await until('the job to end', () => job.ends.length > 0);
  return job;
};

describe('a trainer that runs out of memory', () => {
  it('should fail with advice from what the job asks for', async () => {
    expect(await run('fail')).toMatchObject({
      status: 'failed',
      result: { code: 'trainer_out_of_memory', hint: expect.stringContaining('Lower batchSize to 1') },
    });
  });

  it('should go on from its state with half the batch when the tenant wants that', async () => {
    const job = await run('shrink');
    expect(job).toMatchObject({ status: 'completed', attempt: 1, result: { steps: 10 } });
    expect([...job.metrics.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const log = job.logs.map(({ text }) => text).join('\n');
    expect(log).toContain('Going on with a smaller batch');
    expect(log).toContain('Going on from the state of step 5');
  });

  it('should not be run out of its memory again by the next attempt on the same host', async () => {
    const training = { ...aSpec().training, batchSize: 2, epochs: 99 };
    const job = host.api.addJob(JOB, aSpec({ onOutOfMemory: 'shrink', training }));
    const first = await host.startAgent({ TINY_PROGRAM: fixture('hungry-trainer') });
    await until('the smaller batch to train', () => job.metrics.has(6));
    await host.drain(first);
    expect(job.ends).toEqual(['pending']);
    await host.startAgent({ TINY_PROGRAM: fixture('hungry-trainer') });
    await until('the job to complete', () => job.status === 'completed');
    expect(job.attempt).toBe(2);
    expect(job.logs.filter(({ text }) => text.includes('Going on with a smaller batch'))).toEqual([
      expect.objectContaining({ attempt: 1 }),
    ]);
  });
});
