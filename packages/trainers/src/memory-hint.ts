import type { TrainingSpec } from '@influencerai/shared';
import { shrunkBatch } from './shrunk-batch.js';

const LARGE_RANK = 32;
const LARGE_RESOLUTION = 1024;
const MAX_ADVICE = 3;

type Advice = (spec: TrainingSpec) => string | false;

/** What saves most for least comes first. */
const ADVICE: readonly Advice[] = [
  (spec) => {
    if (spec.training.batchSize === 1) return false;
    const { size, accumulation } = shrunkBatch(spec, 1);
    return `Lower batchSize to ${size} and raise meta.gradientAccumulation to ${accumulation}, so that a step sees as many examples with less memory; meta.onOutOfMemory: "shrink" does it by itself.`;
  },
  ({ extra, trainer }) =>
    trainer !== 'tiny' && extra['gradientCheckpointing'] === false && 'Leave meta.gradientCheckpointing on.',
  ({ trainer, extra }) =>
    trainer === 'kohya' && extra['networkTrainUnetOnly'] !== true && 'Set meta.networkTrainUnetOnly: true.',
  ({ trainer, extra }) =>
    trainer === 'kohya' && extra['cacheLatents'] === false && 'Leave meta.cacheLatents on, so that the VAE can go.',
  ({ trainer, extra, baseModel }) =>
    trainer === 'kohya' &&
    /flux|chroma|sd3|hunyuan|lumina|anima/i.test(baseModel) &&
    !extra['blocksToSwap'] &&
    'Set meta.blocksToSwap, which keeps part of the model in main memory, or meta.fp8Base: true.',
  ({ trainer, extra }) => trainer === 'ai-toolkit' && extra['lowVram'] !== true && 'Set meta.lowVram: true.',
  ({ trainer, extra }) => trainer === 'ai-toolkit' && extra['quantize'] !== true && 'Set meta.quantize: true.',
  ({ trainer, extra }) => trainer === 'trl' && extra['method'] !== 'qlora' && 'Set meta.method: "qlora".',
  ({ trainer }) => trainer === 'trl' && 'Lower meta.maxLength.',
  ({ kind, training }) =>
    kind === 'image' &&
    training.resolution > LARGE_RESOLUTION &&
    `Lower resolution from ${training.resolution} to ${LARGE_RESOLUTION}.`,
  ({ network }) => network.dim > LARGE_RANK && `Lower networkDim from ${network.dim} to ${network.dim / 2}.`,
  ({ kind, training }) =>
    kind === 'image' &&
    training.resolution > 512 &&
    `Lower resolution from ${training.resolution} to ${Math.max(512, training.resolution / 2)}.`,
];

/** What to change in a job that ran out of memory, from what it asks for; at most three sentences. */
export const memoryHint = (spec: TrainingSpec): string =>
  ADVICE.map((advice) => advice(spec))
    .filter((sentence) => sentence !== false)
    .slice(0, MAX_ADVICE)
    .join(' ') || 'The job is as small as it gets here; run it on a GPU with more memory.';
