import type { TrainingSpec } from '../trainers/training-spec.schema.js';

/** The spec that examples in the API reference show. */
export const EXAMPLE_SPEC: TrainingSpec = {
  version: 1,
  kind: 'image',
  trainer: 'tiny',
  requestedTrainer: 'tiny',
  baseModel: 'tiny-image',
  dataset: {
    id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
    kind: 'lora-training',
    path: 'data/datasets/my-influencer',
    digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    examples: 25,
    triggerWord: 'ohwx',
  },
  output: { dir: 'data/loras/first-lora', name: 'first-lora' },
  training: {
    epochs: 30,
    maxSteps: null,
    batchSize: 2,
    gradientAccumulation: 1,
    learningRate: 0.0001,
    resolution: 512,
    optimizer: 'AdamW8bit',
    lrScheduler: 'cosine',
    minSnrGamma: null,
    seed: 42,
  },
  network: { dim: 32, alpha: 32 },
  samples: { prompts: null },
  onOutOfMemory: 'fail',
  extra: {},
};
