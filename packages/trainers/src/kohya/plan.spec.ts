import { describe, expect, it } from '@jest/globals';
import { aContext } from '../../test/builders.js';
import { aKohyaSpec, KOHYA_CASES, KOHYA_MODELS, onGpu } from '../../test/kohya-cases.js';
import type { KohyaFamily } from '../models/model-entry.js';
import { parameters } from './parameters.js';
import { planKohya } from './plan.js';

const jobOf = (...args: Parameters<typeof planKohya>): string =>
  planKohya(...args).files.find(({ path }) => path === 'job.toml')!.content;
const mappingOf = (field: string, ...args: Parameters<typeof planKohya>) =>
  planKohya(...args).mapping.find((mapping) => mapping.field === field);

describe(planKohya, () => {
  it('should count steps by buckets, accumulation and epochs', () => {
    const spec = aKohyaSpec({
      training: { batchSize: 2, gradientAccumulation: 2, epochs: 3 },
      extra: { numRepeats: 3 },
    });
    // 9 pictures of one size: 5 batches, 3 steps.
    expect(planKohya(spec, onGpu('sdxl')).steps).toEqual({ perEpoch: 3, total: 9 });
  });

  it('should train with maxSteps instead of epochs', () => {
    const spec = aKohyaSpec({ training: { maxSteps: 7 } });
    expect(planKohya(spec, onGpu('sdxl')).steps).toEqual({ perEpoch: 2, total: 7 });
    expect(jobOf(spec, onGpu('sdxl'))).not.toContain('max_train_epochs');
  });

  it('should halve the batch and double the accumulation for each time that memory ran out', () => {
    const spec = aKohyaSpec({ training: { batchSize: 4 } });
    const context = onGpu('sdxl', { halvings: 1 });
    expect(jobOf(spec, context)).toContain('gradient_accumulation_steps = 2\n');
    expect(mappingOf('training.batchSize', spec, context)).toMatchObject({ how: 'approximated', to: 'batch_size=2' });
  });

  const withoutBf16 = { device: 'cuda', gpus: 1, hasBf16: false } as const;

  it('should train in fp16 on a GPU that has no bf16, and say so', () => {
    const [spec, context] = [aKohyaSpec(), onGpu('sdxl', { host: withoutBf16 })];
    expect(jobOf(spec, context)).toContain('mixed_precision = "fp16"\n');
    expect(mappingOf('host.gpus', spec, context)).toMatchObject({ how: 'approximated', to: 'mixed_precision=fp16' });
    expect(mappingOf('host.gpus', spec, onGpu('sdxl'))).toBeUndefined();
  });

  it.each([
    ['flow models, which overflow in fp16', onGpu('flux', { host: withoutBf16 }), {}],
    [
      'a state without a gradient scaler',
      onGpu('sdxl', { host: withoutBf16, resumeFrom: { path: '/old/state/step-4', step: 4, hasScaler: false } }),
      {},
    ],
    ['a job that asks for it', onGpu('sdxl', { host: withoutBf16 }), { precision: 'bf16' }],
  ])('should keep bf16 on such a GPU for %s', (_, context, extra) => {
    const spec = aKohyaSpec({ extra });
    expect(jobOf(spec, context)).toContain('mixed_precision = "bf16"\n');
    expect(mappingOf('host.gpus', spec, context)?.reason).toContain('emulates');
  });

  it('should say that each of several GPUs takes a batch', () => {
    const sees = expect.stringContaining('a step sees 2 times as many examples');
    const context = onGpu('sdxl', { host: { device: 'cuda', gpus: 2 } });
    expect(mappingOf('training.batchSize', aKohyaSpec(), context)).toMatchObject({ how: 'approximated', reason: sees });
    expect(mappingOf('training.batchSize', aKohyaSpec(), { ...context, halvings: 1 })?.reason).toMatch(
      /^Lowered.*step/,
    );
    expect(mappingOf('training.batchSize', aKohyaSpec(), onGpu('sdxl'))?.how).toBe('exact');
  });

  it.each([
    { gpus: 1, perEpoch: 4 },
    { gpus: 2, perEpoch: 2 },
  ])('should train as long with a smaller batch on $gpus GPUs, whatever the buckets', ({ gpus, perEpoch }) => {
    const spec = aKohyaSpec({ training: { batchSize: 2, epochs: 20 }, samples: { prompts: ['x'] } });
    const images = [512, 512, 512, 1024, 1024, 1024].map((width, index) => ({
      ...{ path: `/data/x/${index}.png`, caption: 'ohwx' },
      ...{ width, height: 512 },
    }));
    const context = onGpu('sdxl', { dataset: { kind: 'image', images }, host: { device: 'cuda', gpus } });
    const whole = planKohya(spec, context);
    const shrunk = planKohya(spec, { ...context, halvings: 1 });
    expect(whole.steps).toEqual({ perEpoch, total: 20 * perEpoch });
    expect(shrunk.steps).toEqual(whole.steps);
    expect(jobOf(spec, { ...context, halvings: 1 })).toContain(`max_train_steps = ${20 * perEpoch}\n`);
    expect(shrunk.files.find(({ path }) => path === 'driver.json')?.content).toContain(`"stepsPerEpoch": ${perEpoch},`);
    expect(mappingOf('training.epochs', spec, { ...context, halvings: 1 })?.how).toBe('approximated');
  });

  it('should save a smaller batch about as often, by the epochs that kohya makes of it', () => {
    const spec = aKohyaSpec({ training: { batchSize: 2, epochs: 20 }, extra: { saveEveryEpochs: 6 } });
    const images = Array.from({ length: 12 }, (_, index) => ({
      ...{ path: `/data/x/${index}.png`, caption: 'ohwx' },
      ...{ width: 512 + 128 * index, height: 512 },
    }));
    const host = { device: 'cuda' as const, gpus: 2 };
    const context = onGpu('sdxl', { dataset: { kind: 'image', images }, host, halvings: 1 });
    // One picture a bucket: 12 batches of either size, 6 or 3 steps of two processes.
    expect(jobOf(spec, context)).toContain('save_every_n_epochs = 12\n');
    expect(jobOf(spec, context)).toContain('/output/epochs-of-3-to-120"\n');
  });

  it('should train on a CPU in fp32, without what needs CUDA, and see no GPU', () => {
    const spec = aKohyaSpec({ training: { optimizer: 'adamw8BIT' }, extra: { precision: 'bf16' } });
    const context = aContext({ model: KOHYA_MODELS.sd1 });
    expect(jobOf(spec, context)).toMatch(/optimizer_type = "AdamW"\n[^]*mixed_precision = "no"\n/);
    expect(mappingOf('training.optimizer', spec, context)?.how).toBe('approximated');
    expect(mappingOf('extra.precision', spec, context)?.how).toBe('approximated');
    expect(planKohya(spec, context).env['CUDA_VISIBLE_DEVICES']).toBe('');
  });

  it.each([
    ['stabilityai/stable-diffusion-xl-base-1.0', 'sdxl_train_network'],
    ['runwayml/stable-diffusion-v1-5', 'train_network'],
    ['stabilityai/stable-diffusion-2-1', 'train_network'],
  ])('should know the hub id %s', (baseModel, script) => {
    const plan = planKohya(aKohyaSpec({ baseModel }), aContext());
    expect(plan.files.find(({ path }) => path === 'driver.json')?.content).toContain(`"script": "${script}"`);
  });

  it.each([
    ['stabilityai/stable-diffusion-2', true],
    ['stabilityai/stable-diffusion-2-1', true],
    ['someone/stable-diffusion-2-1', true],
    ['stabilityai/stable-diffusion-2-base', false],
    ['stabilityai/stable-diffusion-2-1-base', false],
  ])('should train %s with its own objective', (baseModel, isVelocity) => {
    expect(jobOf(aKohyaSpec({ baseModel }), aContext()).includes('v_parameterization = true\n')).toBe(isVelocity);
  });

  it.each(['stabilityai/stable-diffusion-2-inpainting', 'stabilityai/stable-diffusion-2-depth'])(
    'should not guess how %s is trained',
    (baseModel) => {
      expect(() => planKohya(aKohyaSpec({ baseModel }), aContext())).toThrow(
        expect.objectContaining({ code: 'model_unavailable' }),
      );
    },
  );

  it.each(Object.keys(KOHYA_MODELS) as KohyaFamily[])('should be honest about minSnrGamma for %s', (family) => {
    const isNoise = ['sd1', 'sd2', 'sdxl'].includes(family);
    expect(jobOf(aKohyaSpec(), onGpu(family)).includes('min_snr_gamma')).toBe(isNoise);
    expect(mappingOf('training.minSnrGamma', aKohyaSpec(), onGpu(family))?.how).toBe(isNoise ? 'exact' : 'dropped');
  });

  it.each(Object.entries(KOHYA_CASES))('should account for every field of %s, with reasons', (_, { spec, context }) => {
    const { mapping } = planKohya(spec, context);
    const fields = new Set(mapping.map(({ field }) => field));
    for (const key of Object.keys(spec.training)) expect(fields).toContain(`training.${key}`);
    for (const key of Object.keys(spec.network)) expect(fields).toContain(`network.${key}`);
    for (const key of Object.keys(spec.extra)) expect(fields).toContain(`extra.${key}`);
    for (const entry of mapping) if (entry.how !== 'exact') expect(entry.reason).toMatch(/\.$/);
  });

  it('should read all that it plans with', () => {
    expect(planKohya(aKohyaSpec(), onGpu('flux')).reads).toEqual(
      expect.arrayContaining(['/data/x/a.png', '/models/flux.safetensors', '/models/clip-l.safetensors']),
    );
  });

  it('should gate what runs in one process', () => {
    const stdinOf = (name: string) => planKohya(KOHYA_CASES[name]!.spec, KOHYA_CASES[name]!.context).stdin;
    expect(['sdxl', 'sd1-dreambooth', 'flux-two-gpus', 'sdxl-finetune-two-gpus'].map(stdinOf)).toEqual([
      'commands',
      'commands',
      'none',
      'none',
    ]);
  });

  it.each(['sd1-dreambooth', 'sd1-finetune', 'sdxl-dreambooth', 'sdxl-finetune-two-gpus'])(
    'should go on with all weights from a state, as %s',
    (name) => {
      const { spec, context } = KOHYA_CASES[name]!;
      const resumeFrom = { path: '/ws/state', step: 12 };
      const { files, reads } = planKohya(spec, { ...context, resumeFrom });
      const driver = files.find(({ path }) => path === 'driver.json')!.content;
      expect(JSON.parse(driver)).toMatchObject({ startStep: 12, resumeFrom: '/ws/state' });
      expect(reads).toContain('/ws/state');
    },
  );

  it.each([
    ['dreambooth', 'sd1', { networkTrainUnetOnly: true }, 'stop_text_encoder_training = -1'],
    ['dreambooth', 'sd1', { networkTrainUnetOnly: true, textEncoderLearningRate: 1e-6 }, 'stop_text_encoder_training'],
    ['dreambooth', 'sd1', {}, undefined],
    ['dreambooth', 'sdxl', {}, undefined],
    ['finetune', 'sd1', { networkTrainUnetOnly: true, textEncoderLearningRate: 1e-6 }, undefined],
    ['finetune', 'sd1', { networkTrainUnetOnly: false }, 'train_text_encoder = true'],
    ['finetune', 'sdxl', { textEncoderLearningRate: 1e-6 }, 'train_text_encoder = true'],
  ] as const)('should leave the text encoder to %s of %s as %j says', (method, family, extra, option) => {
    const spec = aKohyaSpec({ extra: { method, ...extra } });
    const found = /^(?:stop_text_encoder_training|train_text_encoder) = .*$/m.exec(jobOf(spec, onGpu(family)))?.[0];
    expect(found ?? '').toContain(option ?? '');
    expect(found === undefined).toBe(option === undefined);
    for (const key of Object.keys(extra)) {
      const isLost = key === 'textEncoderLearningRate' && 'networkTrainUnetOnly' in extra;
      expect(mappingOf(`extra.${key}`, spec, onGpu(family))?.how).toBe(isLost ? 'dropped' : 'exact');
    }
  });

  it.each([
    ['dreambooth', 'approximated'],
    ['finetune', 'exact'],
    ['locon', 'exact'],
  ])('should say that %s is %s, since there are no class pictures', (method, how) => {
    expect(mappingOf('extra.method', aKohyaSpec({ extra: { method } }), onGpu('sd1'))?.how).toBe(how);
  });

  it('should keep states of several processes that train all weights', () => {
    const { spec, context } = KOHYA_CASES['sdxl-finetune-two-gpus']!;
    expect(jobOf(spec, context)).toContain('save_state = true\nsave_last_n_epochs_state = 2\n');
  });

  it.each([
    ['cached captions that change', { cacheTextEncoderOutputs: true, shuffleCaption: true }],
    ['cached captions of a trained text encoder', { cacheTextEncoderOutputs: true, networkTrainUnetOnly: false }],
    ['a bucket smaller than the resolution', { maxBucketReso: 512 }],
  ])('should refuse %s', (_, extra) => {
    expect(() => planKohya(aKohyaSpec({ extra }), onGpu('sdxl'))).toThrow(
      expect.objectContaining({ code: 'spec_unsupported' }),
    );
  });

  it.each([
    ['flux', 35],
    ['chroma', 35],
    ['sd3', 36],
    ['lumina', 24],
    ['hunyuan-image', 37],
    ['anima', 26],
  ] as const)('should swap no more blocks of %s than %d, since the script would fail', (family, most) => {
    const spec = (blocksToSwap: number) => aKohyaSpec({ extra: { blocksToSwap } });
    expect(jobOf(spec(most), onGpu(family))).toContain(`blocks_to_swap = ${most}\n`);
    expect(() => planKohya(spec(most + 1), onGpu(family))).toThrow(`meta.blocksToSwap is at most ${most}`);
  });

  it('should refuse a base of 8 bits beside weights of 32, which the script asserts', () => {
    const extra = { fp8Base: true, precision: 'fp32' };
    expect(() => planKohya(aKohyaSpec({ extra }), onGpu('flux'))).toThrow('meta.fp8Base needs meta.precision');
    expect(jobOf(aKohyaSpec({ extra: { ...extra, precision: 'fp16' } }), onGpu('flux'))).toContain('fp8_base = true\n');
  });

  it('should read ahead of a GPU what is not in memory', () => {
    const loadersOf = (...args: Parameters<typeof planKohya>) =>
      /^max_data_loader_n_workers = (\d)$/m.exec(jobOf(...args))?.[1];
    const uncached = aKohyaSpec({ extra: { cacheLatents: false } });
    expect(loadersOf(uncached, onGpu('sdxl'))).toBe('2');
    expect(loadersOf(aKohyaSpec(), onGpu('sdxl'))).toBe('0');
    expect(loadersOf(uncached, aContext({ model: KOHYA_MODELS.sd1 }))).toBe('0');
  });

  it('should refuse to train FLUX in full', () => {
    expect(() => planKohya(aKohyaSpec({ extra: { method: 'finetune' } }), onGpu('flux'))).toThrow('SD 1.x');
  });

  it('should describe every parameter', () => {
    for (const [key, schema] of Object.entries(parameters.shape))
      expect([key, schema.description]).toEqual([key, expect.any(String)]);
  });
});
