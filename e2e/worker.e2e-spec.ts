import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Stack } from './support/stack.js';
import { stepOf, submitQuickJob, waitForJob } from './support/training.js';

jest.setTimeout(90_000);

const run = promisify(execFile);

describe('a worker with a running job', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres' });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('should stop the whole process tree of a cancelled job and keep its checkpoints', async () => {
    const client = stack.client('tenant_worker');
    const { id } = await submitQuickJob(client, { steps: 400, stepDelayMs: 50 });
    await waitForJob(client, id, (job) => stepOf(job) >= 5);
    expect(await trainersOf(id)).not.toEqual([]);
    const asked = await client.jobs.cancel(id);
    expect(asked).toMatchObject({ status: 'running', cancelRequestedAt: expect.any(String) });

    const cancelled = await waitForJob(client, id, (job) => job.status === 'cancelled');
    expect(cancelled.finishedAt).not.toBeNull();
    expect(await trainersOf(id)).toEqual([]);
    await expect(client.jobs.update(id, { status: 'completed', attempt: 1 })).rejects.toMatchObject({
      statusCode: 409,
      code: 'job_transition_refused',
    });
  });

  it('should cancel a job that waits at once', async () => {
    const client = stack.client('tenant_worker');
    const running = await submitQuickJob(client, { steps: 400, stepDelayMs: 50 });
    await waitForJob(client, running.id, (job) => job.status === 'running');
    const waiting = await submitQuickJob(client, { steps: 5 });
    expect(waiting).toMatchObject({ status: 'pending', waitingReason: expect.stringContaining('Waiting') });
    expect(await client.jobs.cancel(waiting.id)).toMatchObject({ status: 'cancelled', startedAt: null });
    await client.jobs.cancel(running.id);
    await waitForJob(client, running.id, (job) => job.status === 'cancelled');
  });

  it('should hand its job over when it is told to go, and another worker goes on from there', async () => {
    const client = stack.client('tenant_worker');
    const { id } = await submitQuickJob(client, { steps: 150, stepDelayMs: 60 });
    await waitForJob(client, id, (job) => stepOf(job) >= 20);
    const [first] = stack.workers;
    await first?.stop('SIGTERM');
    const handedBack = await client.jobs.get(id);
    expect(handedBack).toMatchObject({ status: 'pending', attempt: 1 });

    await stack.startWorker();
    const resumed = await waitForJob(client, id, (job) => job.attempt === 2 && stepOf(job) > 0);
    expect(stepOf(resumed)).toBeGreaterThanOrEqual(20);
    expect(await waitForJob(client, id, (job) => job.status === 'completed')).toMatchObject({ result: { steps: 150 } });
  });

  /** Processes whose command line names the job's workspace. */
  async function trainersOf(id: string): Promise<string[]> {
    const { stdout } = await run('ps', ['-eo', 'pid,args']);
    return stdout.split('\n').filter((line) => line.includes(id));
  }
});
