import { cp } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { REPO_ROOT } from '@influencerai/local';
import type { InfluencerAIClient } from '@influencerai/sdk';
import { runExample } from './support/run-example.js';
import { eventually, lossesOf, startsOf, untilSaved } from './support/sessions.js';
import { Stack } from './support/stack.js';
import { waitForJob } from './support/training.js';

jest.setTimeout(240_000);

const STEPS = 200;

interface Status {
  session_id: string;
  job_id: string;
  status: string;
  current_step: number;
  completed_steps: number;
  allowed_steps: number;
  remaining_steps: number;
  last_checkpoint_step: number | null;
  last_checkpoint_path: string | null;
}

describe('the contract of sessions', () => {
  let stack: Stack;
  let client: InfluencerAIClient;
  beforeAll(async () => {
    stack = await Stack.start({
      // The domain's own sessions run on every backend.
      queue: 'postgres',
      environment: { TRAINER_FALLBACK: 'tiny', SESSION_IDLE_MS: '600000' },
      prepare: (folder) =>
        cp(path.join(REPO_ROOT, 'data/datasets/my-influencer'), path.join(folder, 'data/dataset'), { recursive: true }),
    });
    client = stack.client('tenant_demo');
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const example = async (name: string, changes: Record<string, string> = {}): Promise<Status> =>
    JSON.parse(await runExample(stack, name, changes)) as Status;

  const create = (id: string, maxSteps: number): Promise<Status> =>
    example('session-create', {
      'my-session': id,
      '"maxSteps": 2000': `"maxSteps": ${maxSteps}`,
      ': 4000': ': 1000000',
    });

  const grant = (id: string, steps: number): Promise<Status> =>
    example('session-steps', { 'my-session': id, '"steps": 100': `"steps": ${steps}` });

  const until = (id: string, isAsWanted: (status: Status) => boolean): Promise<Status> =>
    eventually(async () => {
      const status = (await (await fetch(`${stack.apiUrl}/sessions/${id}`)).json()) as Status;
      return isAsWanted(status) ? status : undefined;
    });

  const isPausedAt = (step: number) => (status: Status) => status.status === 'paused' && status.current_step === step;

  const curveOf = async (jobId: string) => (await client.jobs.metrics(jobId, { maxPoints: 5000 })).data;

  it('should run 100, 50 and 50 steps over a killed host as if they were run at once, and stream the log to its end [004:example-create,example-steps,exact,pauses,waits,stream-text,stream-end,field-checkpoint]', async () => {
    const { job_id } = await create('my-session', STEPS);
    const log = runExample(stack, 'session-follow');
    expect(await example('session-steps')).toMatchObject({ allowed_steps: 100, current_step: 0 });
    expect(await until('my-session', isPausedAt(100))).toMatchObject({
      ...{ completed_steps: 100, allowed_steps: 100, remaining_steps: 0, last_checkpoint_step: 100 },
      last_checkpoint_path: expect.stringMatching(/^data\/loras\/my-lora-run\/.*\.safetensors$/),
    });
    // Killed any earlier, the other host would repeat steps, and end with the same curve.
    await untilSaved(client, job_id, 100);
    await stack.workers[0]?.stop('SIGKILL');
    await stack.startWorker();
    await grant('my-session', 50);
    expect(await until('my-session', isPausedAt(150))).toMatchObject({ allowed_steps: 150, remaining_steps: 0 });
    await grant('my-session', 50);
    await until('my-session', ({ status }) => status === 'completed');
    expect(await example('session-status')).toMatchObject({
      ...{ current_step: STEPS, completed_steps: STEPS, allowed_steps: STEPS, remaining_steps: 0 },
      last_checkpoint_step: STEPS,
    });

    const curve = await curveOf(job_id);
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
    expect(await startsOf(stack, job_id)).toEqual([0, 100]);
    const lines = (await log).trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('Training starts after step'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith(`Done after step ${STEPS}`))).toHaveLength(1);

    // The trainer draws from the seed and the step: a step that was lost or run twice would change every loss after it.
    const whole = await create('whole', STEPS);
    await grant('whole', STEPS);
    await until('whole', ({ status }) => status === 'completed');
    expect(lossesOf(curve)).toEqual(lossesOf(await curveOf(whole.job_id)));
  });

  it('should run exactly what ten clients grant at once, and end the log when it is deleted [004:together,exact,delete-aborts,stream-deleted]', async () => {
    const { job_id } = await create('together', 1000);
    const log = runExample(stack, 'session-follow', { 'my-session': 'together' });
    await grant('together', 3);
    await until('together', isPausedAt(3));
    await Promise.all(Array.from({ length: 10 }, () => grant('together', 4)));
    expect((await until('together', isPausedAt(43))).allowed_steps).toBe(43);
    expect((await curveOf(job_id)).length).toBe(43);
    expect(await startsOf(stack, job_id)).toEqual([0]);
    expect(await runExample(stack, 'session-delete', { 'my-session': 'together' })).toBe('');
    expect(await log).toContain('Training starts after step 0');
    await waitForJob(client, job_id, ({ status }) => status === 'cancelled');
  });

  it('should go on where a session of its name was aborted and deleted, on another host, as if it had never ended [004:resumes]', async () => {
    await create('moved', 60);
    await grant('moved', 30);
    await until('moved', isPausedAt(30));
    await example('session-abort', { 'my-session': 'moved' });
    await runExample(stack, 'session-delete', { 'my-session': 'moved' });
    const { job_id, ...again } = await create('moved', 60);
    expect(again).toMatchObject({
      ...{ status: 'paused', completed_steps: 30, allowed_steps: 30, remaining_steps: 0, last_checkpoint_step: 30 },
      last_checkpoint_path: expect.stringMatching(/^data\/loras\/my-lora-run\/.*\.safetensors$/),
    });
    await Promise.all(stack.workers.map((worker) => worker.stop('SIGTERM')));
    await stack.startWorker();
    expect(await grant('moved', 30)).toMatchObject({ allowed_steps: 60, remaining_steps: 30 });
    await until('moved', ({ status }) => status === 'completed');
    expect(await startsOf(stack, job_id)).toEqual([30]);
    const whole = await create('never-moved', 60);
    await grant('never-moved', 60);
    await until('never-moved', ({ status }) => status === 'completed');
    const curve = await curveOf(job_id);
    expect(curve.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(lossesOf(curve)).toEqual(lossesOf(await curveOf(whole.job_id)));
  });

  it('should save at once when it is aborted, and free the device [004:abort-saves]', async () => {
    const { job_id } = await create('aborted', 1_000_000);
    await grant('aborted', 1_000_000);
    await until('aborted', ({ current_step }) => current_step > 0);
    await example('session-abort', { 'my-session': 'aborted' });
    const { current_step, last_checkpoint_step, last_checkpoint_path } = await until(
      'aborted',
      ({ status }) => status === 'aborted',
    );
    expect(last_checkpoint_step).toBe(current_step);
    const name = last_checkpoint_path?.split('/').at(-1) ?? '';
    expect((await client.jobs.downloadArtifact(job_id, name)).status).toBe(200);
    await create('next', 5);
    await grant('next', 5);
    await until('next', ({ status }) => status === 'completed');
  });
});
