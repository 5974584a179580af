import { describe, expect, it } from '@jest/globals';
import { aContext } from '../../test/builders.js';
import { aTextContext, aTextSpec, TRL_ROWS } from '../../test/trl-cases.js';
import type { ModelEntry, PlanContext } from '../index.js';
import { DRIVERS_DIR } from '../driver.js';
import type { TrlDriverConfig } from './config.js';
import { planTrl } from './plan.js';

const LOCAL: ModelEntry = { trainer: 'trl', model: '/models/llama' };

type Overrides = Parameters<typeof aTextSpec>[0];

const plan = (spec: Overrides = {}, context: Partial<PlanContext> = {}) =>
  planTrl(aTextSpec(spec), aTextContext(context));

const configOf = (planned: ReturnType<typeof planTrl>): TrlDriverConfig =>
  JSON.parse(planned.files.find(({ path }) => path === 'driver.json')!.content) as TrlDriverConfig;

const mappingOf = (planned: ReturnType<typeof planTrl>, field: string) =>
  planned.mapping.find((mapping) => mapping.field === field);

const refusal = (code: string, reason: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(reason) });

describe('planTrl', () => {
  it('should start the driver in the workspace, with its rows beside it', () => {
    const planned = plan();
    expect(planned.command).toEqual(['trl', '--config', 'driver.json']);
    expect(planned.stdin).toBe('commands');
    expect(planned.files[0]).toEqual({
      path: 'train.jsonl',
      content: TRL_ROWS.map((row) => `${JSON.stringify(row)}\n`).join(''),
    });
  });

  it('should go on from a state', () => {
    const planned = plan({}, { resumeFrom: { path: '/old/state/step-4', step: 4 } });
    expect(configOf(planned)).toMatchObject({ resumeFrom: '/old/state/step-4', startStep: 4 });
    expect(planned.reads).toEqual(['/old/state/step-4']);
  });

  it('should take folder and chat template from the registry, without a way to the hub', () => {
    const model: ModelEntry = { ...LOCAL, chatTemplate: '/models/chat.txt' };
    const planned = plan({ baseModel: 'my-llama' }, { model });
    expect(configOf(planned)).toMatchObject({
      publicBase: 'my-llama',
      sft: { model_name_or_path: '/models/llama', chat_template_path: 'chat_template.jinja' },
    });
    expect(planned.links).toEqual([{ path: 'chat_template.jinja', target: '/models/chat.txt' }]);
    expect(planned.reads).toEqual(['/models/llama', '/models/chat.txt']);
    expect(planned.env['HF_HUB_OFFLINE']).toBe('1');
    expect(JSON.stringify(planned.mapping)).not.toContain('/models');
  });

  it('should keep tokenised rows to the job and models where they are', () => {
    const { env } = plan();
    expect(env['HF_DATASETS_CACHE']).toBe('/ws/jobs/j1/attempt-1/tmp/datasets');
    expect(env).not.toHaveProperty('HF_HOME');
    expect(env).not.toHaveProperty('HF_HUB_OFFLINE');
  });

  it.each([
    { rows: 9, batchSize: 2, gradientAccumulation: 1, perEpoch: 5 },
    { rows: 9, batchSize: 2, gradientAccumulation: 2, perEpoch: 3 },
    { rows: 1, batchSize: 8, gradientAccumulation: 4, perEpoch: 1 },
    { rows: 64, batchSize: 4, gradientAccumulation: 2, perEpoch: 8 },
  ])(
    'should count $perEpoch steps for $rows rows by $batchSize × $gradientAccumulation',
    ({ rows, perEpoch, ...training }) => {
      const dataset = {
        kind: 'text' as const,
        rows: Array.from({ length: rows }, (_, row) => ({ text: `row ${row}` })),
      };
      expect(plan({ training }, { dataset }).steps).toEqual({ perEpoch, total: 3 * perEpoch });
      expect(plan({ training: { ...training, maxSteps: 7 } }, { dataset }).steps.total).toBe(7);
    },
  );

  it.each([
    { batchSize: 8, halvings: 1, batch: 4, accumulation: 2 },
    { batchSize: 8, halvings: 2, batch: 2, accumulation: 4 },
    { batchSize: 3, halvings: 1, batch: 1, accumulation: 3 },
    { batchSize: 1, halvings: 1, batch: 1, accumulation: 1 },
  ])('should halve a batch of $batchSize $halvings times', ({ batchSize, halvings, batch, accumulation }) => {
    const planned = plan({ training: { batchSize } }, { halvings });
    expect(configOf(planned).sft).toMatchObject({
      per_device_train_batch_size: batch,
      gradient_accumulation_steps: accumulation,
    });
    expect(planned.steps).toEqual(plan({ training: { batchSize } }).steps);
    expect(mappingOf(planned, 'training.batchSize')?.how).toBe(batch === batchSize ? 'exact' : 'approximated');
  });

  it.each([
    [{ epochs: 10 }, {}, { everyEpochs: 3 }],
    [{ epochs: 10 }, { saveEveryEpochs: 1 }, { everyEpochs: 1 }],
    [{ epochs: 10 }, { saveEveryEpochs: 1, saveEverySteps: 5 }, { everySteps: 5 }],
    [{ maxSteps: 100 }, {}, { everySteps: 25 }],
  ])('should save checkpoints for %p with %p by %p', (training, extra, checkpoint) => {
    expect(configOf(plan({ training, extra })).checkpoint).toEqual(checkpoint);
  });

  it('should name a single target module twice, since TRL makes a pattern of a list of one', () => {
    const { sft } = configOf(plan({ extra: { loraTargetModules: ['q_proj'] } }));
    expect(sft['lora_target_modules']).toEqual(['q_proj', 'q_proj']);
  });

  it('should warm up a constant schedule', () => {
    const { sft } = configOf(plan({ training: { lrScheduler: 'constant' }, extra: { warmupSteps: 5 } }));
    expect(sft).toMatchObject({ lr_scheduler_type: 'constant_with_warmup', warmup_steps: 5 });
  });

  it('should name no place of this host, since a container has its own', () => {
    const planned = plan({}, { host: { device: 'cuda', gpus: 2 } });
    expect(JSON.stringify(planned)).not.toContain(DRIVERS_DIR);
  });

  it('should start one process for each of several GPUs, and say what that costs', () => {
    const planned = plan({ samples: { prompts: ['to'] } }, { host: { device: 'cuda', gpus: 2 } });
    expect(planned.stdin).toBe('none');
    expect(planned.command).toEqual(['trl', '--config', 'driver.json']);
    expect(configOf(planned)).toMatchObject({ processes: 2, stateEverySeconds: 600, samples: { prompts: [] } });
    expect(mappingOf(planned, 'samples.prompts')?.how).toBe('dropped');
    expect(mappingOf(planned, 'training.batchSize')).toMatchObject({
      how: 'approximated',
      reason: expect.stringContaining('a step sees 2 times as many'),
    });
  });

  it.each([
    [{ extra: { method: 'qlora' } }, 'needs a CUDA GPU'],
    [{ extra: { loadIn4bit: true } }, 'needs a CUDA GPU'],
    [{ training: { optimizer: 'Lion' } }, 'needs a CUDA GPU'],
    [{ training: { optimizer: 'Prodigy' } }, 'is none of AdamW'],
    [{ training: { lrScheduler: 'greedy' } }, 'is none of constant'],
    [{ extra: { method: 'full', loadIn4bit: true } }, 'meta.loadIn4bit means QLoRA'],
    [{ extra: { completionOnlyLoss: true } }, 'meta.completionOnlyLoss'],
    [{ extra: { assistantOnlyLoss: true } }, 'meta.assistantOnlyLoss'],
  ])('should refuse %p before the run', (spec, reason) => {
    expect(() => plan(spec)).toThrow(refusal('spec_unsupported', reason));
  });

  it.each([
    [{ extra: { method: 'qlora' } }, 'needs bitsandbytes'],
    [{ training: { optimizer: 'Lion8bit' } }, 'needs bitsandbytes'],
  ])('should refuse %p on a host without bitsandbytes', (spec, reason) => {
    const host = { device: 'cuda', gpus: 1, hasBitsandbytes: false } as const;
    expect(() => plan(spec, { host })).toThrow(refusal('spec_unsupported', reason));
    expect(() => plan(spec, { host: { device: 'cuda', gpus: 1 } })).not.toThrow();
  });

  it('should take plain AdamW for one of 8 bit on a host without bitsandbytes', () => {
    const host = { device: 'cuda', gpus: 1, hasBitsandbytes: false } as const;
    const planned = plan({ training: { optimizer: 'AdamW8bit' } }, { host });
    expect(configOf(planned).sft).toMatchObject({ optim: 'adamw_torch' });
    expect(mappingOf(planned, 'training.optimizer')).toMatchObject({
      how: 'approximated',
      reason: expect.stringContaining('bitsandbytes'),
    });
  });

  it('should refuse pictures, and models that it has no files of', () => {
    expect(() => planTrl(aTextSpec(), aContext())).toThrow(refusal('spec_unsupported', 'pictures'));
    expect(() => plan({ baseModel: 'my-llama' })).toThrow(refusal('model_unavailable', 'my-llama'));
    const model: ModelEntry = { trainer: 'kohya', family: 'sdxl', model: '/m' };
    expect(() => plan({}, { model })).toThrow(refusal('model_unavailable', 'kohya'));
  });

  it('should train in fp16 on a GPU that has no bf16, and say so', () => {
    const old = { host: { device: 'cuda', gpus: 1, hasBf16: false } } as const;
    expect(configOf(plan({}, old)).sft).toMatchObject({ bf16: false, fp16: true, dtype: 'float16' });
    expect(mappingOf(plan({}, old), 'host.gpus')).toMatchObject({ how: 'approximated', to: 'precision=fp16' });
    expect(mappingOf(plan({ extra: { precision: 'fp16' } }, old), 'host.gpus')).toBeUndefined();
    expect(mappingOf(plan({ extra: { precision: 'bf16' } }, old), 'host.gpus')?.reason).toContain('emulates');
  });

  it('should train QLoRA in bf16 on any GPU, since TRL gives its adapter that type', () => {
    const old = { host: { device: 'cuda', gpus: 1, hasBf16: false } } as const;
    const planned = plan({ extra: { method: 'qlora' } }, old);
    expect(configOf(planned).sft).toMatchObject({ bf16: true, fp16: false, dtype: 'bfloat16' });
    expect(mappingOf(planned, 'host.gpus')).toMatchObject({ how: 'approximated', to: 'precision=bf16' });
    const ways: NonNullable<Overrides>['extra'][] = [{ method: 'qlora' }, { loadIn4bit: true }];
    for (const asked of ways) {
      const extra = { ...asked, precision: 'fp16' };
      expect(() => plan({ extra }, old)).toThrow(refusal('spec_unsupported', 'precision'));
    }
  });

  it('should account for every field of the spec, with a reason for all that is not exact', () => {
    const spec: Overrides = { extra: { useDora: true, clipSkip: 2, precision: 'bf16' }, training: { minSnrGamma: 5 } };
    const { mapping } = plan(spec);
    const fields = new Set(mapping.map(({ field }) => field));
    const { training, network, extra } = aTextSpec(spec);
    for (const key of Object.keys(training)) expect(fields).toContain(`training.${key}`);
    for (const key of Object.keys(network)) expect(fields).toContain(`network.${key}`);
    for (const key of Object.keys(extra)) expect(fields).toContain(`extra.${key}`);
    for (const entry of mapping) if (entry.how !== 'exact') expect(entry.reason).toMatch(/\.$/);
  });

  it('should say what it cannot honour', () => {
    const planned = plan({
      training: { optimizer: 'AdamW8bit', minSnrGamma: 5, seed: 2 ** 32 + 1 },
      extra: { fp8: 1 },
    });
    expect(mappingOf(planned, 'training.optimizer')).toMatchObject({ how: 'approximated', to: 'optim=adamw_torch' });
    expect(mappingOf(planned, 'training.minSnrGamma')?.how).toBe('dropped');
    expect(mappingOf(planned, 'training.resolution')?.how).toBe('dropped');
    expect(mappingOf(planned, 'training.seed')).toMatchObject({ how: 'approximated', to: 'seed=1' });
    expect(mappingOf(planned, 'extra.fp8')?.how).toBe('dropped');
    const full = plan({ extra: { method: 'full', useDora: true } });
    expect(mappingOf(full, 'network.dim')?.how).toBe('dropped');
    expect(mappingOf(full, 'extra.useDora')?.how).toBe('dropped');
  });

  it('should compute its advice on memory from the spec', () => {
    const { outOfMemoryHint } = configOf(plan({ training: { batchSize: 4 }, network: { dim: 64, alpha: 64 } }));
    expect(outOfMemoryHint).toContain('batchSize below 4');
    expect(outOfMemoryHint).toContain('networkDim below 64');
    expect(configOf(plan({ training: { batchSize: 1 } })).outOfMemoryHint).not.toContain('batchSize');
  });

  it('should reserve more disk for all weights than for an adapter', () => {
    const adapter = plan().diskBytes;
    expect(plan({ extra: { method: 'full' } }).diskBytes).toBeGreaterThan(10 * adapter);
    expect(plan({ baseModel: 'Qwen/Qwen2.5-7B' }).diskBytes).toBeGreaterThan(5 * adapter);
  });
});
