import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { InfluencerAIClient, Job, Session } from '@influencerai/sdk';
import { eventually, lossesOf, startsOf, untilSaved } from './support/sessions.js';
import { queueBackends, Stack } from './support/stack.js';
import { registerDataset, submitQuickJob, waitForJob } from './support/training.js';

jest.setTimeout(240_000);

const STEPS = 200;
/** Longer than any test: nothing is given up by itself. */
const NEVER = 600;

describe.each(queueBackends)('sessions with the queue on %s', (queue) => {
  let stack: Stack;
  let client: InfluencerAIClient;
  beforeAll(async () => {
    stack = await Stack.start({ queue });
    client = stack.client('tenant_sessions');
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('should run 100, 50 and 50 steps over a killed host as if they were run at once', async () => {
    const { id } = await submit({ maxSteps: STEPS, idleSeconds: NEVER });
    await grant(id, 100);
    await until(id, ({ stage }) => stage === 'paused');
    // Killed any earlier, the other host would repeat steps, and end with the same curve.
    await untilSaved(client, id, 100);
    await stack.workers[0]?.stop('SIGKILL');
    // In a folder of its own, as on another host: it has of the session what the API gives it.
    await stack.startWorker();
    await grant(id, 50);
    const second = await until(id, ({ stage, completedSteps }) => stage === 'paused' && completedSteps === 150);
    expect(second).toMatchObject({ allowedSteps: 150, remainingSteps: 0 });
    await grant(id, 50);
    const done = await waitForJob(client, id, ({ status }) => status === 'completed');
    expect(done).toMatchObject({ attempt: 2, result: { steps: STEPS } });
    expect(await client.jobs.session(id)).toMatchObject({
      stage: 'ended',
      completedSteps: STEPS,
      lastCheckpointStep: STEPS,
    });

    const { data: curve, total } = await client.jobs.metrics(id, { maxPoints: 5000 });
    expect(total).toBe(STEPS);
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
    expect(await startsOf(stack, id)).toEqual([0, 100]);
    // The trainer draws from the seed and the step: a step that was lost or run twice would change every loss after it.
    const whole = await submitQuickJob(client, { steps: STEPS });
    await waitForJob(client, whole.id, ({ status }) => status === 'completed');
    expect(lossesOf(curve)).toEqual(lossesOf((await client.jobs.metrics(whole.id, { maxPoints: 5000 })).data));
  });

  it('should run exactly what ten clients grant at once, with one trainer', async () => {
    const { id } = await submit({ maxSteps: 1000, steps: 3, idleSeconds: NEVER });
    await until(id, ({ stage }) => stage === 'paused');
    await Promise.all(Array.from({ length: 10 }, () => grant(id, 4)));
    const paused = await until(id, ({ stage, completedSteps }) => stage === 'paused' && completedSteps === 43);
    expect(paused.allowedSteps).toBe(43);
    expect((await client.jobs.metrics(id)).total).toBe(43);
    expect(await startsOf(stack, id)).toEqual([0]);
    await client.jobs.deleteSession(id);
    await waitForJob(client, id, ({ status }) => status === 'cancelled');
  });

  it('should give its slot to another job when it is idle, and go on with the next steps', async () => {
    const { id } = await submit({ maxSteps: 40, steps: 20, idleSeconds: 1 });
    const parked = await until(id, ({ stage }) => stage === 'parked');
    expect(parked).toMatchObject({ completedSteps: 20, lastCheckpointStep: 20 });
    const other = await submitQuickJob(client, { steps: 5 });
    await waitForJob(client, other.id, ({ status }) => status === 'completed');
    await grant(id, 20);
    expect(await waitForJob(client, id, ({ status }) => status === 'completed')).toMatchObject({
      attempt: 2,
      result: { steps: 40 },
    });
    expect(await startsOf(stack, id)).toEqual([0, 20]);
  });

  it('should save at once when it is aborted, and free its slot', async () => {
    const { id } = await submit({ maxSteps: 1000, steps: 1000, idleSeconds: NEVER }, 30);
    await until(id, ({ completedSteps }) => completedSteps > 0);
    await client.jobs.cancel(id);
    await waitForJob(client, id, ({ status }) => status === 'cancelled');
    const { completedSteps, lastCheckpointStep, lastCheckpointPath, stage } = await client.jobs.session(id);
    expect(stage).toBe('ended');
    expect(lastCheckpointStep).toBe(completedSteps);
    const name = lastCheckpointPath?.split('/').at(-1) ?? '';
    expect((await client.jobs.downloadArtifact(id, name)).status).toBe(200);
    const next = await submitQuickJob(client, { steps: 5 });
    await waitForJob(client, next.id, ({ status }) => status === 'completed');
  });

  it('should give its slot up when it is asked to, and go on from there', async () => {
    const { id } = await submit({ maxSteps: 400, steps: 400, idleSeconds: NEVER }, 20);
    await until(id, ({ completedSteps }) => completedSteps > 10);
    await client.jobs.releaseSession(id);
    await waitForJob(client, id, ({ status, attempt }) => status === 'running' && attempt === 2);
    // Log lines come in batches, and the second attempt may not have said yet where it began.
    const began = await eventually(async () => (await startsOf(stack, id))[1]);
    expect(began).toBeGreaterThan(10);
    await until(id, ({ completedSteps }) => completedSteps > began);
    await client.jobs.deleteSession(id);
    await waitForJob(client, id, ({ status }) => status === 'cancelled');
  });

  let count = 0;

  async function submit(
    session: { maxSteps: number; steps?: number; idleSeconds: number },
    stepDelayMs = 0,
  ): Promise<Job> {
    const dataset = await registerDataset(client);
    const config = await client.loraConfigs.create({
      name: `session ${++count} ${process.pid}`,
      modelName: 'tiny-image',
      batchSize: 2,
      networkDim: 8,
      networkAlpha: 8,
      epochs: 10,
      meta: { stepDelayMs, samplePrompts: [] },
    });
    const payload = { datasetId: dataset.id, loraConfigId: config.id };
    return client.jobs.create({ type: 'lora-training', payload, session });
  }

  const grant = (id: string, steps: number) => client.jobs.grantSteps(id, { steps });

  const until = (id: string, isAsWanted: (session: Session) => boolean): Promise<Session> =>
    eventually(async () => {
      const session = await client.jobs.session(id);
      return isAsWanted(session) ? session : undefined;
    });
});
