import type { TrainingSpec } from '@influencerai/shared';
import { aContext, aSpec } from './builders.js';
import type { ModelEntry, PlanContext } from '../src/index.js';

type KohyaEntry = Extract<ModelEntry, { trainer: 'kohya' }>;

const file = (name: string): string => `/models/${name}.safetensors`;

/** An entry of `models.yaml` for each family, with what its script needs. */
export const KOHYA_MODELS: Record<KohyaEntry['family'], KohyaEntry> = {
  sd1: { trainer: 'kohya', family: 'sd1', model: file('sd15'), tokenizerCacheDir: '/models/tokenizers' },
  sd2: { trainer: 'kohya', family: 'sd2', model: file('sd21'), vParameterization: true },
  sdxl: { trainer: 'kohya', family: 'sdxl', model: file('sdxl'), vae: file('sdxl-vae') },
  sd3: {
    trainer: 'kohya',
    family: 'sd3',
    model: file('sd35'),
    clipL: file('clip-l'),
    clipG: file('clip-g'),
    t5xxl: file('t5xxl'),
  },
  flux: {
    trainer: 'kohya',
    family: 'flux',
    model: file('flux'),
    clipL: file('clip-l'),
    t5xxl: file('t5xxl'),
    ae: file('ae'),
  },
  chroma: { trainer: 'kohya', family: 'chroma', model: file('chroma'), t5xxl: file('t5xxl'), ae: file('ae') },
  lumina: { trainer: 'kohya', family: 'lumina', model: file('lumina'), gemma2: file('gemma2'), ae: file('ae') },
  'hunyuan-image': {
    trainer: 'kohya',
    family: 'hunyuan-image',
    model: file('hunyuan'),
    textEncoder: file('qwen-vl'),
    byt5: file('byt5'),
    vae: file('hunyuan-vae'),
  },
  anima: { trainer: 'kohya', family: 'anima', model: file('anima'), qwen3: file('qwen3'), vae: file('qwen-vae') },
};

export const aKohyaSpec = (overrides: Parameters<typeof aSpec>[0] = {}): TrainingSpec =>
  aSpec({ trainer: 'kohya', requestedTrainer: 'kohya', baseModel: 'the-model', ...overrides });

export const onGpu = (family: KohyaEntry['family'], overrides: Partial<PlanContext> = {}): PlanContext =>
  aContext({ model: KOHYA_MODELS[family], host: { device: 'cuda', gpus: 1 }, ...overrides });

/** More than whose caches main memory is sure to hold. */
export const manyPictures = (count: number): PlanContext['dataset'] => ({
  kind: 'image',
  images: Array.from({ length: count }, (_, index) => ({
    path: `/data/x/${index}.png`,
    caption: 'ohwx',
    width: 1024,
    height: 1024,
  })),
});

const RESUME = { path: '/ws/jobs/j1/attempt-1/output/state/step-24', step: 24 };

/** Jobs whose files are kept as golden ones. */
export const KOHYA_CASES: Record<string, { spec: TrainingSpec; context: PlanContext }> = {
  ...Object.fromEntries(
    Object.keys(KOHYA_MODELS).map((family) => [
      family,
      {
        spec: aKohyaSpec({ training: { optimizer: 'AdamW8bit' } }),
        context: onGpu(family as KohyaEntry['family']),
      },
    ]),
  ),
  'sd1-cpu': {
    spec: aKohyaSpec({ training: { optimizer: 'AdamW8bit' } }),
    context: aContext({ model: KOHYA_MODELS.sd1 }),
  },
  'sdxl-locon': {
    spec: aKohyaSpec({
      training: { maxSteps: 1000, gradientAccumulation: 2, optimizer: 'Adafactor', lrScheduler: 'constant' },
      extra: {
        method: 'locon',
        convDim: 8,
        convAlpha: 4,
        warmupSteps: 50,
        unetLearningRate: 0.00005,
        textEncoderLearningRate: 0.00001,
        noiseOffset: 0.05,
        captionDropoutRate: 0.1,
        shuffleCaption: true,
        keepTokens: 1,
        flipAug: true,
        numRepeats: 10,
        networkDropout: 0.1,
        scaleWeightNorms: 1,
        attention: 'xformers',
        precision: 'fp16',
        bucketResoSteps: 32,
        sampleAtFirst: true,
        sampleSteps: 28,
      },
    }),
    context: onGpu('sdxl'),
  },
  'flux-small-gpu': {
    spec: aKohyaSpec({ extra: { blocksToSwap: 18, fp8Base: true, saveEverySteps: 10, sampleEveryEpochs: 5 } }),
    context: onGpu('flux', { halvings: 1 }),
  },
  'flux-many-pictures': {
    spec: aKohyaSpec(),
    context: onGpu('flux', { dataset: manyPictures(1000) }),
  },
  'flux-two-gpus': {
    spec: aKohyaSpec(),
    context: onGpu('flux', { host: { device: 'cuda', gpus: 2 }, resumeFrom: RESUME }),
  },
  'sdxl-resumed': { spec: aKohyaSpec({ samples: { prompts: [] } }), context: onGpu('sdxl', { resumeFrom: RESUME }) },
  'sd1-dreambooth': {
    spec: aKohyaSpec({ extra: { method: 'dreambooth', textEncoderLearningRate: 0.000001 } }),
    context: onGpu('sd1'),
  },
  'sd1-finetune': {
    spec: aKohyaSpec({ extra: { method: 'finetune', textEncoderLearningRate: 0.000001 } }),
    context: onGpu('sd1'),
  },
  'sdxl-dreambooth': {
    spec: aKohyaSpec({ extra: { method: 'dreambooth', textEncoderLearningRate: 0.000001 } }),
    context: onGpu('sdxl'),
  },
  'sdxl-finetune': { spec: aKohyaSpec({ extra: { method: 'finetune' } }), context: onGpu('sdxl') },
  'sdxl-finetune-two-gpus': {
    spec: aKohyaSpec({ extra: { method: 'finetune' } }),
    context: onGpu('sdxl', { host: { device: 'cuda', gpus: 2 }, resumeFrom: RESUME }),
  },
};
