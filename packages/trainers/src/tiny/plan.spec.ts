import { describe, expect, it } from '@jest/globals';
import { aContext, aSpec } from '../../test/builders.js';
import type { TinyConfig } from './config.js';
import { planTiny } from './plan.js';

const configOf = (...args: Parameters<typeof planTiny>): TinyConfig => {
  const [file] = planTiny(...args).files;
  return JSON.parse(file!.content) as TinyConfig;
};
const mappingOf = (spec: Parameters<typeof planTiny>[0], field: string) =>
  planTiny(spec, aContext()).mapping.find((mapping) => mapping.field === field);

describe('planTiny', () => {
  it('should write the documented configuration', () => {
    expect(configOf(aSpec(), aContext())).toEqual({
      kind: 'image',
      dataset: {
        images: [
          { path: '/data/x/a.png', caption: 'ohwx smiling' },
          { path: '/data/x/b.png', caption: 'ohwx waving' },
          { path: '/data/x/c.png', caption: 'ohwx asleep' },
        ],
      },
      outputDir: 'output',
      name: 'my-influencer-v1',
      network: { dim: 16, alpha: 8 },
      training: {
        epochs: 20,
        batchSize: 2,
        learningRate: 0.0001,
        lrScheduler: 'cosine',
        optimizer: 'AdamW',
        seed: 42,
        minSnrGamma: 5,
      },
      checkpoint: { everyEpochs: 5 },
      samples: { prompts: ['ohwx smiling', 'ohwx waving'], everyEpochs: 5 },
      exitOnStdinClose: true,
      metadata: {
        job_id: 'j1',
        attempt: '1',
        trainer: 'tiny',
        requested_trainer: 'tiny',
        requested_base_model: 'tiny',
        dataset_digest: 'abc',
        trigger_word: 'ohwx',
      },
    });
  });

  it('should name the program symbolically and give it the absolute path of its configuration', () => {
    const plan = planTiny(aSpec(), aContext());
    expect(plan.command).toEqual(['tiny', '--config', '/ws/jobs/j1/attempt-1/config.json']);
    expect(plan.stdin).toBe('commands');
  });

  it('should go on from a saved state', () => {
    expect(configOf(aSpec(), aContext({ resumeFrom: { path: '/s/step-40', step: 40 } })).resumeFrom).toBe('/s/step-40');
  });

  it.each([
    [1, 1],
    [3, 1],
    [10, 3],
    [20, 5],
  ])('should checkpoint %d epochs every %d', (epochs, every) => {
    expect(configOf(aSpec({ training: { epochs } }), aContext()).checkpoint.everyEpochs).toBe(every);
  });

  it('should read what it knows of the extra values, within bounds', () => {
    const config = configOf(aSpec({ extra: { saveEveryEpochs: 2, stepDelayMs: 90_000, warmupSteps: 3 } }), aContext());
    expect(config.checkpoint.everyEpochs).toBe(2);
    expect(config.stepDelayMs).toBe(1000);
    expect(config.training.warmupSteps).toBe(3);
  });

  it.each([['5'], [null], [[5]], [{ $gt: 1 }]])('should not take %p for a number', (stepDelayMs) => {
    const spec = aSpec({ extra: { stepDelayMs } });
    expect(configOf(spec, aContext()).stepDelayMs).toBeUndefined();
    expect(mappingOf(spec, 'extra.stepDelayMs')?.how).toBe('dropped');
  });

  it('should train on rows of text', () => {
    const spec = aSpec({ kind: 'text' });
    const config = configOf(
      spec,
      aContext({ dataset: { kind: 'text', rows: [{ text: 'to be or not to be' }, { text: 'to be' }] } }),
    );
    expect(config.dataset).toEqual({ rows: ['to be or not to be', 'to be'] });
    expect(config.samples.prompts).toEqual(['to be or', 'to be']);
    expect(config.training.minSnrGamma).toBeUndefined();
  });

  it.each([
    ['my-influencer-v1', 'my-influencer-v1'],
    ['-rf', 'rf'],
    ['../x', 'x'],
    ['...', 'lora'],
  ])('should turn the output name %p into %p', (name, expected) => {
    expect(configOf(aSpec({ output: { dir: 'data/loras/x', name } }), aContext()).name).toBe(expected);
  });

  it('should leave out a gamma that means nothing', () => {
    const spec = aSpec({ training: { minSnrGamma: 0 } });
    expect(configOf(spec, aContext()).training.minSnrGamma).toBeUndefined();
    expect(mappingOf(spec, 'training.minSnrGamma')?.how).toBe('dropped');
  });

  it('should refuse a dataset of the other kind', () => {
    expect(() => planTiny(aSpec({ kind: 'text' }), aContext())).toThrow(
      expect.objectContaining({ code: 'spec_unsupported' }),
    );
  });

  it('should say what it cannot honour', () => {
    const spec = aSpec({
      requestedTrainer: 'kohya',
      baseModel: 'sdxl',
      training: { optimizer: 'AdamW8bit', lrScheduler: 'cosine_with_restarts' },
      extra: { clipSkip: 2, constructor: 1 },
    });
    expect(mappingOf(spec, 'baseModel')).toMatchObject({ how: 'dropped', reason: expect.stringContaining('sdxl') });
    expect(mappingOf(spec, 'training.resolution')?.how).toBe('dropped');
    expect(mappingOf(spec, 'training.optimizer')?.how).toBe('approximated');
    expect(mappingOf(spec, 'training.lrScheduler')).toMatchObject({
      how: 'approximated',
      to: 'training.lrScheduler=cosine',
    });
    expect(mappingOf(spec, 'extra.clipSkip')?.how).toBe('dropped');
    expect(mappingOf(spec, 'extra.constructor')?.how).toBe('dropped');
  });

  it('should account for every field of the spec that bears on training', () => {
    const fields = new Set(planTiny(aSpec(), aContext()).mapping.map((mapping) => mapping.field));
    const { training, network } = aSpec();
    for (const key of Object.keys(training)) expect(fields).toContain(`training.${key}`);
    for (const key of Object.keys(network)) expect(fields).toContain(`network.${key}`);
  });

  it('should give a reason for everything that is not exact', () => {
    const { mapping } = planTiny(aSpec({ requestedTrainer: 'kohya', extra: { a: 1 } }), aContext());
    for (const entry of mapping) if (entry.how !== 'exact') expect(entry.reason).toMatch(/\.$/);
  });
});
