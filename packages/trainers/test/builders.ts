import { TrainingSpecSchema, type TrainingSpec } from '@influencerai/shared';
import type { PlanContext } from '../src/index.js';

type Overrides = Partial<Omit<TrainingSpec, 'training'>> & { training?: Partial<TrainingSpec['training']> };

/** A valid spec: 20 epochs of an SDXL configuration that runs on tiny. */
export const aSpec = ({ training, ...overrides }: Overrides = {}): TrainingSpec =>
  TrainingSpecSchema.parse({
    version: 1,
    kind: 'image',
    trainer: 'tiny',
    requestedTrainer: 'tiny',
    baseModel: 'tiny',
    dataset: {
      id: 'd1',
      kind: 'lora-training',
      path: 'data/datasets/x',
      digest: 'abc',
      examples: 2,
      triggerWord: 'ohwx',
    },
    output: { dir: 'data/loras/x/j1', name: 'my-influencer-v1' },
    training: {
      epochs: 20,
      maxSteps: null,
      batchSize: 2,
      learningRate: 0.0001,
      resolution: 1024,
      optimizer: 'AdamW',
      lrScheduler: 'cosine',
      minSnrGamma: 5,
      seed: 42,
      ...training,
    },
    network: { dim: 16, alpha: 8 },
    samples: { prompts: null },
    extra: {},
    ...overrides,
  });

export const aContext = (overrides: Partial<PlanContext> = {}): PlanContext => ({
  jobId: 'j1',
  attempt: 1,
  workspaceDir: '/ws/jobs/j1/attempt-1',
  dataset: {
    kind: 'image',
    images: [
      { path: '/data/x/a.png', caption: 'ohwx smiling', width: 512, height: 512 },
      { path: '/data/x/b.png', caption: 'ohwx waving', width: 512, height: 512 },
      { path: '/data/x/c.png', caption: 'ohwx asleep', width: 512, height: 512 },
    ],
  },
  host: { device: 'cpu', gpus: 0 },
  model: undefined,
  ...overrides,
});
