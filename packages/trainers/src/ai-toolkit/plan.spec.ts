import type { TrainingSpec } from '@influencerai/shared';
import { describe, expect, it } from '@jest/globals';
import { aContext, aSpec } from '../../test/builders.js';
import type { FieldMapping, Plan, PlanContext } from '../trainer.js';
import type { AiToolkitDriverConfig, AiToolkitProcess } from './config.js';
import { planAiToolkit } from './plan.js';

const entry = (arch: string) => ({ trainer: 'ai-toolkit', arch, model: `/models/${arch}` }) as const;
const CUDA = { device: 'cuda', gpus: 1 } as const;

interface Given {
  spec?: Parameters<typeof aSpec>[0];
  context?: Partial<PlanContext>;
  arch?: string;
}

const planOf = ({ spec, context, arch = 'sdxl' }: Given = {}): Plan =>
  planAiToolkit(aSpec(spec), aContext({ model: entry(arch), host: CUDA, ...context }));
const configOf = (given?: Given): AiToolkitDriverConfig =>
  JSON.parse(planOf(given).files[0]!.content) as AiToolkitDriverConfig;
const processOf = (given?: Given): AiToolkitProcess => configOf(given).job.config.process[0];
const mappingOf = (field: string, given?: Given): FieldMapping | undefined =>
  planOf(given).mapping.find((entryOf) => entryOf.field === field);
const refusal = (code: string, text: RegExp) =>
  expect.objectContaining({ code, details: expect.objectContaining({ reason: expect.stringMatching(text) }) });

describe(planAiToolkit, () => {
  it('should make a folder of links and captions with names of its own', () => {
    const { files, links, reads } = planOf({
      context: { dataset: { kind: 'image', images: [{ path: '/d/[x]*.PNG', caption: 'a', width: 64, height: 64 }] } },
    });
    expect(links).toEqual([{ path: 'dataset/000001.png', target: '/d/[x]*.PNG' }]);
    expect(files[1]).toEqual({ path: 'dataset/000001.txt', content: 'a' });
    expect(reads).toEqual(['/d/[x]*.PNG', '/models/sdxl']);
  });

  it('should name the job so that no pattern of the trainer matches anything else', () => {
    expect(configOf({ context: { jobId: 'a[b]*?/../c' } }).job.config.name).toMatch(/^job-[A-Za-z0-9-]+$/);
  });

  it('should start the driver, which takes commands', () => {
    expect(planOf()).toMatchObject({ command: ['ai-toolkit', '--config', 'driver.json'], stdin: 'commands' });
  });

  it('should count the steps of a whole job', () => {
    expect(configOf()).toMatchObject({ totalSteps: 40, stepsPerEpoch: 2, totalEpochs: 20, startStep: 0 });
    expect(configOf({ spec: { training: { maxSteps: 7 } } })).toMatchObject({ totalSteps: 7, totalEpochs: 4 });
  });

  it('should go on from a saved state', () => {
    const plan = planOf({ context: { resumeFrom: { path: '/s/step-4', step: 4 } } });
    expect(JSON.parse(plan.files[0]!.content)).toMatchObject({ startStep: 4, resumeFrom: '/s/step-4' });
    expect(plan.reads).toContain('/s/step-4');
  });

  it('should say that it uses one of several GPUs', () => {
    expect(mappingOf('host.gpus')).toBeUndefined();
    expect(mappingOf('host.gpus', { context: { host: { device: 'cuda', gpus: 2 } } })).toMatchObject({
      how: 'approximated',
      to: '1 of 2',
    });
  });

  it('should shrink the batch, not the job, after running out of memory', () => {
    const given = { context: { halvings: 1 }, spec: { training: { batchSize: 4, gradientAccumulation: 2 } } };
    expect(processOf(given).train).toMatchObject({ batch_size: 2, gradient_accumulation: 4 });
    expect(planOf(given).steps).toEqual(planOf({ spec: given.spec }).steps);
    expect(mappingOf('training.batchSize', given)?.how).toBe('approximated');
  });

  it('should say that a GPU without bf16 emulates it', () => {
    const given: Given = { context: { host: { ...CUDA, hasBf16: false } } };
    expect(processOf(given).train).toMatchObject({ dtype: 'bf16' });
    expect(mappingOf('host.gpus', given)?.reason).toContain('emulates');
  });

  it('should train in full precision and without CUDA packages on a CPU', () => {
    const given: Given = {
      context: { host: { device: 'cpu', gpus: 0 } },
      spec: { training: { optimizer: 'AdamW8bit' } },
      arch: 'flux',
    };
    const process = processOf(given);
    expect(process.train).toMatchObject({ dtype: 'fp32', optimizer: 'adamw' });
    expect(process.model).toMatchObject({ quantize: false, quantize_te: false });
    expect(process.datasets[0]).toMatchObject({ num_workers: 0 });
    expect(planOf(given).env['ACCELERATE_USE_CPU']).toBe('true');
    expect(mappingOf('training.optimizer', given)?.how).toBe('approximated');
  });

  it('should leave cores to the other jobs of the host', () => {
    expect(planOf().env).toMatchObject({ OMP_NUM_THREADS: '4', OMP_WAIT_POLICY: 'PASSIVE' });
    expect(planOf({ context: { host: { device: 'cpu', gpus: 0 } } }).env['OMP_NUM_THREADS']).toBe('2');
  });

  it('should stay off the network for a model that is on the host', () => {
    expect(planOf().env['HF_HUB_OFFLINE']).toBe('1');
    const model = { trainer: 'ai-toolkit', arch: 'flux', model: 'a/b' } as const;
    expect(planOf({ context: { model } }).env['HF_HUB_OFFLINE']).toBeUndefined();
  });

  it.each([
    ['cosine', 'cosine', {}],
    ['linear', 'linear', { start_factor: 1, end_factor: 0 }],
    ['polynomial', 'linear', { start_factor: 1, end_factor: 0 }],
    ['constant', 'constant', {}],
    ['cosine_with_restarts', 'cosine', {}],
  ])('should translate the schedule %s', (lrScheduler, name, params) => {
    const { train } = processOf({ spec: { training: { lrScheduler } } });
    expect(train).toMatchObject({ lr_scheduler: name, lr_scheduler_params: params });
  });

  it('should warm up where the trainer can, and say where it cannot', () => {
    const given = { spec: { training: { lrScheduler: 'constant' }, extra: { warmupSteps: 5 } } };
    expect(processOf(given).train).toMatchObject({ lr_scheduler: 'constant_with_warmup' });
    expect(mappingOf('extra.warmupSteps', given)?.how).toBe('exact');
    expect(mappingOf('extra.warmupSteps', { spec: { extra: { warmupSteps: 5 } } })?.how).toBe('dropped');
  });

  it('should say that transformers know no alpha', () => {
    expect(mappingOf('network.alpha')).toMatchObject({ how: 'exact', to: 'network.linear_alpha=8' });
    expect(mappingOf('network.alpha', { arch: 'flux' })).toMatchObject({
      how: 'approximated',
      to: 'network.linear_alpha=16',
      reason: expect.stringContaining('not 0.5'),
    });
  });

  it('should weigh by signal-to-noise ratio for noise-predicting models only', () => {
    expect(processOf().train).toMatchObject({ min_snr_gamma: 5 });
    expect(processOf({ arch: 'flux' }).train).not.toHaveProperty('min_snr_gamma');
    expect(mappingOf('training.minSnrGamma', { arch: 'flux' })?.how).toBe('dropped');
  });

  it('should make a LoCon of a LoRA with convolutions, since the trainer cannot save its own', () => {
    const given = { spec: { extra: { networkType: 'locon', convAlpha: 4 } } };
    expect(processOf(given).network).toMatchObject({ type: 'lora', conv: 16, conv_alpha: 4 });
    expect(mappingOf('extra.networkType', given)?.how).toBe('approximated');
  });

  it('should raise the rate of an optimizer that finds its own, and say so', () => {
    const given = { spec: { training: { optimizer: 'Prodigy' } } };
    expect(processOf(given).train).toMatchObject({ optimizer: 'prodigy', lr: 1 });
    expect(mappingOf('training.learningRate', given)?.how).toBe('approximated');
  });

  it('should make no samples of an empty list of prompts', () => {
    expect(processOf({ spec: { samples: { prompts: [] } } }).train).toMatchObject({ disable_sampling: true });
  });

  it.each([
    [{ baseModel: 'black-forest-labs/FLUX.1-dev' }, 'flux', 'black-forest-labs/FLUX.1-dev'],
    [{ baseModel: 'qwen-image' }, 'qwen_image', 'Qwen/Qwen-Image'],
    [{ baseModel: 'Wan2.2-T2V-A14B-Diffusers-bf16' }, 'wan22_14b', 'ai-toolkit/Wan2.2-T2V-A14B-Diffusers-bf16'],
  ])('should know the public model of %p', (spec, arch, path) => {
    const { model } = processOf({ spec, context: { model: undefined } });
    expect(model).toMatchObject({ arch, name_or_path: path });
  });

  it('should plan a variant as the start page of the trainer does', () => {
    const spec = { baseModel: 'Tongyi-MAI/Z-Image-Turbo' };
    expect(processOf({ spec, context: { model: undefined } })).toMatchObject({
      model: { arch: 'zimage:turbo', assistant_lora_path: expect.stringContaining('zimage_turbo_training_adapter') },
      sample: { guidance_scale: 1, sample_steps: 9 },
    });
  });

  it('should let parts of an architecture be fetched for a model of this host', () => {
    expect(planOf({ arch: 'zimage' }).env['HF_HUB_OFFLINE']).toBe('1');
    for (const arch of ['zimage:turbo', 'zimage_l2p']) expect(planOf({ arch }).env['HF_HUB_OFFLINE']).toBeUndefined();
  });

  it('should reckon with whole pictures where a model learns in pixels', () => {
    expect(planOf({ arch: 'prx_pixel' }).diskBytes - planOf({ arch: 'boogu_image' }).diskBytes).toBe(
      3 * 1024 * 1024 * (12 - 1),
    );
  });

  it.each<[string, Given, string, RegExp]>([
    ['a model without an entry', { context: { model: undefined } }, 'model_unavailable', /models\.yaml/],
    [
      'an entry of another trainer',
      { context: { model: { trainer: 'trl', model: 'a/b' } } },
      'model_unavailable',
      /for trl/,
    ],
    ['an unknown architecture', { arch: 'sd9' }, 'spec_unsupported', /sd1, sd2/],
    ['an architecture for pairs', { arch: 'qwen_image_edit' }, 'spec_unsupported', /pairs of pictures/],
    ['an architecture whose prompts are documents', { arch: 'ideogram4' }, 'spec_unsupported', /JSON documents/],
    ['an architecture that its loader mistakes', { arch: 'pixart_sigma' }, 'spec_unsupported', /Stable Diffusion/],
    ['rows of text', { context: { dataset: { kind: 'text', rows: [] } } }, 'spec_unsupported', /pictures/],
    ['no pictures', { context: { dataset: { kind: 'image', images: [] } } }, 'spec_unsupported', /no pictures/],
    [
      'convolutions of a transformer',
      { arch: 'flux', spec: { extra: { networkType: 'locon' } } },
      'spec_unsupported',
      /convol/,
    ],
    [
      'the text encoder of a transformer',
      { arch: 'flux', spec: { extra: { trainTextEncoder: true } } },
      'spec_unsupported',
      /text encoder/,
    ],
    [
      'to unload the one text encoder',
      { arch: 'sd1', spec: { extra: { cacheTextEmbeddings: true } } },
      'spec_unsupported',
      /samples/,
    ],
    ['a parameter of the wrong type', { spec: { extra: { convDim: 'x' } } }, 'spec_unsupported', /meta\.convDim/],
  ])('should refuse %s', (_name, given, code, text) => {
    expect(() => planOf(given)).toThrow(refusal(code, text));
  });

  it('should leave a rank for convolutions out where there are none, and say so', () => {
    const given: Given = { arch: 'flux', spec: { extra: { convDim: 16, convAlpha: 16 } } };
    expect(processOf(given).network).not.toHaveProperty('conv');
    expect(mappingOf('extra.convDim', given)).toMatchObject({
      how: 'dropped',
      reason: 'flux has no convolutions to train.',
    });
    expect(mappingOf('extra.convAlpha', given)?.how).toBe('dropped');
  });

  it('should average the weights where that is asked for', () => {
    expect(processOf().train).not.toHaveProperty('ema_config');
    const given: Given = { spec: { extra: { emaDecay: 0.99 } } };
    expect(processOf(given).train).toMatchObject({ ema_config: { use_ema: true, ema_decay: 0.99 } });
    expect(mappingOf('extra.emaDecay', given)).toMatchObject({
      how: 'approximated',
      to: 'train.ema_config.ema_decay=0.99',
    });
    expect(() => planOf({ spec: { extra: { emaDecay: 2 } } })).toThrow(refusal('spec_unsupported', /meta\.emaDecay/));
  });

  it('should account for every field of the spec that bears on training', () => {
    const { training, network }: TrainingSpec = aSpec();
    const fields = new Set(planOf().mapping.map(({ field }) => field));
    for (const key of Object.keys(training)) expect(fields).toContain(`training.${key}`);
    for (const key of Object.keys(network)) expect(fields).toContain(`network.${key}`);
  });

  it('should give a reason for everything that is not exact', () => {
    const extra = { quantize: true, timestepType: 'linear', captionDropoutRate: 0.1, unknown: 1, lokrFactor: 4 };
    const { mapping } = planOf({ spec: { extra: { ...extra, cacheTextEmbeddings: true } } });
    for (const entryOf of mapping) if (entryOf.how !== 'exact') expect(entryOf.reason).toMatch(/\.$/);
    expect(mapping).toContainEqual(expect.objectContaining({ field: 'extra.unknown', how: 'dropped' }));
    expect(mapping).toContainEqual(expect.objectContaining({ field: 'extra.captionDropoutRate', how: 'dropped' }));
  });
});
