import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors, TINY_PROGRAM, TinyConfigSchema } from '@influencerai/tiny';
import { findTrainer } from '@influencerai/trainers';
import { aSpec, Host } from './host.js';
import { until } from './until.js';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const spec = aSpec({
  requestedTrainer: 'kohya',
  network: { dim: 4, alpha: 4 },
  training: { ...aSpec().training, epochs: 4, lrScheduler: 'cosine', optimizer: 'AdamW8bit' },
});

describe('the real tiny trainer', () => {
  it.each([
    ['text', { kind: 'text', rows: [{ text: 'to be or not to be' }] }],
    ['image', { kind: 'image', images: [{ path: '/data/a.png', caption: 'a', width: 512, height: 512 }] }],
  ] as const)('should take the %s configuration that its plan writes', (kind, dataset) => {
    const context = {
      jobId: '00000000-0000-4000-8000-000000000001',
      attempt: 1,
      workspaceDir: '/work',
      dataset,
      host: { device: 'cpu' as const, gpus: 0 },
      model: undefined,
      resumeFrom: { path: '/ws/state', step: 4 },
    };
    const plan = findTrainer('tiny')!.plan({ ...spec, kind, training: { ...spec.training, minSnrGamma: 5 } }, context);
    const written: unknown = JSON.parse(plan.files[0]!.content);
    expect(TinyConfigSchema.parse(written)).toMatchObject(written as object);
  });

  it('should train under the worker, with the job named in the weights', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', spec);
    await host.startAgent({ TINY_PROGRAM });
    await until('the job to end', () => job.ends.length > 0);
    expect(job.result).toMatchObject({
      checkpoints: expect.arrayContaining(['x-epoch-1.safetensors', 'x-final.safetensors']),
    });
    const { metadata } = decodeSafetensors(job.artifacts.get('x-final.safetensors')!.content);
    expect(metadata).toMatchObject({
      job_id: '00000000-0000-4000-8000-000000000001',
      trainer: 'tiny',
      requested_trainer: 'kohya',
      ss_network_dim: '4',
    });
  });
});
