import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Job } from '@influencerai/sdk';
import { queueBackends, Stack } from './support/stack.js';
import { stepOf, submitQuickJob, waitForJob } from './support/training.js';

jest.setTimeout(120_000);

const STEPS = 120;
/** Each ends with a state. */
const EPOCH_STEPS = STEPS / 10;
/** Long before the end, since what a poller sees comes late on a slow machine. */
const STRIKE_AT = 20;

/** Whatever part of the system dies in mid-training, the job ends once, with every step done. */
describe.each(queueBackends)('recovery with the queue on %s', (queue) => {
  let stack: Stack;
  const faults: [string, () => Promise<void>, number][] = [
    ['the worker', () => crashWorker(), 2],
    ['the queue store, with its data', () => stack.loseQueue(), 1],
    ['PostgreSQL', () => stack.crashPostgres(), 1],
    ['the API', () => crashApi(), 1],
  ];

  beforeAll(async () => {
    stack = await Stack.start({ queue, ownPostgres: true });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it.each(faults)('should finish a job when %s is killed', async (_, strike, attempts) => {
    const client = stack.client('tenant_recovery');
    const { id } = await submitQuickJob(client, { steps: STEPS, stepDelayMs: 40 });
    const before = await waitForJob(client, id, (job) => stepOf(job) >= STRIKE_AT);
    expect(before.status).toBe('running');
    await strike();
    const waiting = await submitQuickJob(client, { steps: 5 });
    const steps = await watchToEnd(id);
    const done = await client.jobs.get(id);

    expect(done).toMatchObject({ status: 'completed', attempt: attempts, result: { steps: STEPS } });
    expect([stepOf(before), ...steps]).toEqual([stepOf(before), ...steps].sort((a, b) => a - b));
    expect(await completionsOf(id)).toBe(1);
    await expectWholeCurve(id, attempts);
    expect(await waitForJob(client, waiting.id, (job) => job.status === 'completed')).toMatchObject({ attempt: 1 });
  });

  async function crashWorker(): Promise<void> {
    const [worker] = stack.workers;
    await worker?.stop('SIGKILL');
    await worker?.start();
  }

  async function crashApi(): Promise<void> {
    await stack.api.stop('SIGKILL');
    await stack.api.start();
  }

  /** Steps as a poller saw them, until the job was over; 0 without one. */
  async function watchToEnd(id: string): Promise<number[]> {
    const steps: number[] = [];
    await waitForJob(stack.client('tenant_recovery'), id, (job: Job) => {
      const isOver = job.status === 'completed' || job.status === 'failed';
      if (!isOver) steps.push(stepOf(job));
      return isOver;
    });
    return steps;
  }

  async function completionsOf(id: string): Promise<number> {
    const rows = await stack.rows(
      `select 1 from job_event where job_id = $1 and type = 'status' and data ->> 'to' = 'completed'`,
      [id],
    );
    return rows.length;
  }

  /** The step at which the second attempt went on, from its log. */
  async function resumedFrom(id: string): Promise<number> {
    const lines = await stack.rows<{ text: string }>(
      `select text from job_log where job_id = $1 and attempt = 2 and stream = 'worker'`,
      [id],
    );
    return Number(/state of step (\d+)/.exec(lines.map((line) => line.text).join('\n'))?.[1]);
  }

  /**
   * Every step of the second attempt is there. What the first had not reported when its worker died, a second's worth, is
   * in the weights but not in the curve.
   */
  async function expectWholeCurve(id: string, attempts: number): Promise<void> {
    const missing = await missingFromCurve(id);
    if (attempts === 1) return expect(missing).toEqual([]);
    const resumed = await resumedFrom(id);
    expect(resumed).toBeGreaterThanOrEqual(STRIKE_AT - EPOCH_STEPS);
    expect(missing.filter((step) => step > resumed)).toEqual([]);
  }

  async function missingFromCurve(id: string): Promise<number[]> {
    const rows = await stack.rows<{ step: number }>('select step from job_metric where job_id = $1', [id]);
    const seen = new Set(rows.map((row) => row.step));
    return Array.from({ length: STEPS }, (_, index) => index + 1).filter((step) => !seen.has(step));
  }
});
