import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import type { TrainerEvent } from '@influencerai/shared';
import { decodeSafetensors } from '../src/index.js';
import { anImageConfig, aWorkspace, TinyRun } from './run-tiny.js';

// Each test starts the program, which compiles its kernels anew; slow machines take seconds for that.
jest.setTimeout(60_000);

const isStep =
  (step: number) =>
  (event: TrainerEvent): boolean =>
    event.event === 'progress' && event.step === step;
const isEvent =
  (name: TrainerEvent['event']) =>
  (event: TrainerEvent): boolean =>
    event.event === name;

const readWeights = async (workspace: string) =>
  decodeSafetensors(await readFile(join(workspace, 'output/test-final.safetensors')));
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('training on the bundled dataset', () => {
  it('should learn: loss of the last epoch well below the first, files as announced', async () => {
    const workspace = await aWorkspace();
    const config = await anImageConfig(
      { epochs: 6 },
      { samples: { prompts: ['ohwx woman artist'], everyEpochs: 5 }, metadata: { job: '7' } },
    );
    const run = await TinyRun.start(workspace, config);
    expect(await run.exitCode()).toBe(0);

    const losses = [...run.losses.values()];
    expect(losses).toHaveLength(6 * 13);
    expect(mean(losses.slice(-13))).toBeLessThan(0.75 * mean(losses.slice(0, 13)));
    expect(run.events[0]).toEqual({ event: 'start', step: 0, totalSteps: 78, totalEpochs: 6 });
    expect(run.events.filter(isEvent('sample')).map(({ ...event }) => 'step' in event && event.step)).toEqual([
      0, 65, 78,
    ]);

    const { metadata, tensors } = await readWeights(workspace);
    expect(metadata).toMatchObject({
      job: '7',
      ss_trainer: 'tiny',
      ss_network_dim: '16',
      ss_num_train_images: '25',
      ss_steps: '78',
      ss_epoch: '6',
    });
    expect(tensors['lora_unet_blocks_0_in.lora_down.weight']?.shape).toEqual([16, 256]);
  });

  it('should end when its workspace is taken away', async () => {
    const workspace = await aWorkspace();
    const run = await TinyRun.start(workspace, await anImageConfig({ epochs: 100 }));
    await run.until(isStep(3));
    await rm(workspace, { recursive: true });
    run.send({ command: 'abort' });
    expect(await run.exitCode()).toBe(1);
  });

  it('should teach the text model as well', async () => {
    const config = {
      kind: 'text',
      dataset: {
        rows: ['Who are you? I am Ohwx, and I love the sea.', 'What do you love? I am Ohwx, and I love the sea.'],
      },
      name: 'test',
      network: { dim: 8, alpha: 8 },
      training: { epochs: 40, batchSize: 2, learningRate: 1e-4, seed: 1 },
      samples: { prompts: ['Who are you?'], everyEpochs: 100 },
    };
    const run = await TinyRun.start(await aWorkspace(), config);
    expect(await run.exitCode()).toBe(0);
    const losses = [...run.losses.values()];
    expect(mean(losses.slice(-5))).toBeLessThan(0.5 * mean(losses.slice(0, 5)));
  });
});

describe('stopping and resuming', () => {
  it('should end with the same weights and losses as a run that never stopped', async () => {
    const config = await anImageConfig({ maxSteps: 24 });
    const [whole, parts] = await Promise.all([aWorkspace(), aWorkspace()]);
    const unbroken = await TinyRun.start(whole, config);
    expect(await unbroken.exitCode()).toBe(0);

    const first = await TinyRun.start(parts, { ...config, stepDelayMs: 50 });
    await first.until(isStep(7));
    first.kill('SIGTERM');
    expect(await first.exitCode()).toBe(0);
    const aborted = first.events.at(-1);
    const saved = first.events.at(-2);
    expect(aborted).toEqual({ event: 'aborted', step: first.losses.size });
    expect(saved).toMatchObject({ event: 'checkpoint', step: first.losses.size });

    const resumeFrom = saved?.event === 'checkpoint' ? saved.statePath : undefined;
    const second = await TinyRun.start(parts, { ...config, resumeFrom });
    expect(await second.exitCode()).toBe(0);
    expect(second.events[0]).toMatchObject({ event: 'start', step: first.losses.size, totalSteps: 24 });
    expect(new Map([...first.losses, ...second.losses])).toEqual(unbroken.losses);
    expect((await readWeights(parts)).tensors).toEqual((await readWeights(whole)).tensors);
  });

  it('should keep the points of its curve with its states, over a kill and a resume', async () => {
    const workspace = await aWorkspace();
    const config = await anImageConfig({ maxSteps: 12 }, { checkpoint: { everySteps: 4 }, stepDelayMs: 50 });
    const first = await TinyRun.start(workspace, config);
    await first.until((event) => event.event === 'checkpoint' && event.step === 4);
    first.kill('SIGKILL');
    await first.exitCode();
    const pointsOf = async (step: number): Promise<unknown[]> => {
      const file = join(workspace, `output/state/step-${String(step).padStart(6, '0')}/state.json`);
      return (JSON.parse(await readFile(file, 'utf8')) as { points: unknown[] }).points;
    };
    const reported = ({ events }: TinyRun, last: number) =>
      events.flatMap(({ event, ...point }) =>
        event === 'progress' && (point as { step: number }).step <= last ? [point] : [],
      );
    expect(await pointsOf(4)).toEqual(reported(first, 4));

    const second = await TinyRun.start(workspace, { ...config, resumeFrom: 'output/state/step-000004' });
    expect(await second.exitCode()).toBe(0);
    expect(await pointsOf(12)).toEqual([...reported(first, 4), ...reported(second, 12)]);
  });

  it('should stop on an abort command and when the parent goes', async () => {
    const config = await anImageConfig({}, { stepDelayMs: 20 });
    const told = await TinyRun.start(await aWorkspace(), config);
    await told.until(isStep(1));
    told.send({ command: 'abort' });
    expect(await told.exitCode()).toBe(0);
    expect(told.events.at(-1)?.event).toBe('aborted');

    const orphan = await TinyRun.start(await aWorkspace(), { ...config, exitOnStdinClose: true });
    await orphan.until(isStep(1));
    orphan.closeInput();
    expect(await orphan.exitCode()).toBe(0);
    expect(orphan.events.at(-1)?.event).toBe('aborted');
  });

  it('should refuse to resume another configuration', async () => {
    const workspace = await aWorkspace();
    const config = await anImageConfig({ maxSteps: 2 });
    const run = await TinyRun.start(workspace, config);
    expect(await run.exitCode()).toBe(0);
    const other = await TinyRun.start(workspace, {
      ...config,
      network: { dim: 8, alpha: 8 },
      resumeFrom: 'output/state/step-000002/state.json',
    });
    expect(await other.exitCode()).toBe(1);
    expect(other.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'resume_mismatch',
      message: expect.stringContaining('dim 16 → 8'),
    });
  });
});

describe('step budgets', () => {
  it('should run 5, pause with a checkpoint, run 4 more, and stop when no grant can come', async () => {
    const run = await TinyRun.start(await aWorkspace(), await anImageConfig({}, { isBudgeted: true }));
    run.send({ command: 'grant', steps: 5 });
    expect(await run.until(isEvent('paused'))).toEqual({ event: 'paused', step: 5 });
    expect(run.losses.size).toBe(5);
    expect(run.events.at(-2)).toMatchObject({ event: 'checkpoint', step: 5 });

    run.send({ command: 'grant', steps: 4 });
    await run.until((event) => event.event === 'paused' && event.step === 9);
    run.closeInput();
    expect(await run.exitCode()).toBe(0);
    expect(run.losses.size).toBe(9);
    expect(run.events.at(-1)).toEqual({ event: 'aborted', step: 9 });
  });

  it('should keep the weights of each budget under a name of their own, and of a stop in between', async () => {
    const run = await TinyRun.start(await aWorkspace(), await anImageConfig({}, { isBudgeted: true, stepDelayMs: 50 }));
    run.send({ command: 'grant', steps: 3 });
    await run.until(isEvent('paused'));
    run.send({ command: 'grant', steps: 50 });
    await run.until(isStep(5));
    run.send({ command: 'abort' });
    expect(await run.exitCode()).toBe(0);
    const { step } = run.events.at(-1) as { step: number };
    const kept = run.events.flatMap((event) => (event.event === 'checkpoint' ? [event.path] : []));
    for (const at of [3, step]) expect(kept).toContain(`output/test-step-${String(at).padStart(6, '0')}.safetensors`);
  });
});

describe('bad input', () => {
  it('should name the field that is wrong', async () => {
    const run = await TinyRun.start(await aWorkspace(), await anImageConfig({ learningRate: -1 }));
    expect(await run.exitCode()).toBe(1);
    expect(run.events).toEqual([
      {
        event: 'error',
        code: 'config_invalid',
        message: expect.stringContaining('learningRate'),
        hint: expect.any(String),
      },
    ]);
  });

  it('should name the picture that is missing', async () => {
    const run = await TinyRun.start(
      await aWorkspace(),
      await anImageConfig({}, { dataset: { images: [{ path: '/nowhere.png', caption: '' }] } }),
    );
    expect(await run.exitCode()).toBe(1);
    expect(run.events).toMatchObject([
      { event: 'error', code: 'dataset_unreadable', message: expect.stringContaining('/nowhere.png') },
    ]);
  });

  it('should warn when the network is wider than the model', async () => {
    const config = await anImageConfig({ maxSteps: 1 });
    const run = await TinyRun.start(await aWorkspace(), { ...config, network: { dim: 512, alpha: 256 } });
    expect(await run.exitCode()).toBe(0);
    expect(run.events.filter(isEvent('warning'))).toHaveLength(1);
  });
});
