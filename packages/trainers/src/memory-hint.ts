import { isBuiltIn, type TrainingSpec } from '@influencerai/shared';
import { baseFor as aiToolkitBaseFor, type Base as AiToolkitBase } from './ai-toolkit/models.js';
import type { FamilyTraits } from './kohya/families.js';
import { baseFor as kohyaBaseFor } from './kohya/model.js';
import type { ModelEntry } from './models/model-entry.js';
import { shrunkBatch } from './shrunk-batch.js';

const LARGE_RANK = 32;
const LARGE_RESOLUTION = 1024;
const SMALL_RESOLUTION = 512;
const MAX_ADVICE = 3;

interface Job {
  spec: TrainingSpec;
  /** All weights are trained, so there is no network to make smaller. */
  isFull: boolean;
  kohya: FamilyTraits | undefined;
  aiToolkit: AiToolkitBase | undefined;
}

type Advice = (job: Job) => string | false | undefined;

/** What saves most for least comes first. Nothing that the job has already, by its own settings or by default. */
const ADVICE: readonly Advice[] = [
  ({ spec }) => {
    if (spec.training.batchSize === 1) return false;
    const { size, accumulation } = shrunkBatch(spec, 1);
    return `Lower batchSize to ${size} and raise meta.gradientAccumulation to ${accumulation}, so that a step sees as many examples with less memory; meta.onOutOfMemory: "shrink" does it by itself.`;
  },
  ({ spec: { trainer, extra } }) =>
    !isBuiltIn(trainer) && extra['gradientCheckpointing'] === false && 'Leave meta.gradientCheckpointing on.',
  ({ kohya, isFull, spec: { extra } }) =>
    kohya && !isFull && !(extra['networkTrainUnetOnly'] ?? kohya.isFlow) && 'Set meta.networkTrainUnetOnly: true.',
  ({ kohya, spec: { extra } }) =>
    kohya && extra['cacheLatents'] === false && 'Leave meta.cacheLatents on, so that the VAE can go.',
  ({ kohya, isFull, spec: { extra } }) => {
    if (!kohya?.swappableBlocks || isFull || extra['blocksToSwap']) return false;
    const orInEightBits = kohya.fp8 && extra['fp8Base'] !== true ? ', or meta.fp8Base: true' : '';
    return `Set meta.blocksToSwap, which keeps part of the model in main memory${orInEightBits}.`;
  },
  ({ aiToolkit, spec: { extra } }) =>
    aiToolkit && !(extra['lowVram'] ?? aiToolkit.lowVram) && 'Set meta.lowVram: true.',
  ({ aiToolkit, spec: { extra } }) =>
    aiToolkit && !(extra['quantize'] ?? aiToolkit.quantize) && 'Set meta.quantize: true.',
  ({ spec: { trainer, extra } }) =>
    trainer === 'trl' && extra['method'] !== 'qlora' && extra['loadIn4bit'] !== true && 'Set meta.method: "qlora".',
  ({ spec: { trainer } }) => trainer === 'trl' && 'Lower meta.maxLength.',
  ({ spec: { kind, training } }) =>
    kind === 'image' &&
    training.resolution > LARGE_RESOLUTION &&
    `Lower resolution from ${training.resolution} to ${LARGE_RESOLUTION}.`,
  ({ isFull, spec: { network } }) =>
    !isFull &&
    network.dim > LARGE_RANK &&
    `Lower networkDim from ${network.dim} to ${Math.max(LARGE_RANK, Math.floor(network.dim / 2))}.`,
  ({ spec: { kind, training } }) =>
    kind === 'image' &&
    training.resolution > SMALL_RESOLUTION &&
    training.resolution <= LARGE_RESOLUTION &&
    `Lower resolution from ${training.resolution} to ${SMALL_RESOLUTION}.`,
];

/**
 * What to change in a job that ran out of memory, from what it asks for; at most three sentences.
 * @param model What the operator's registry says of the base model, as when the job was planned.
 */
export const memoryHint = (spec: TrainingSpec, model?: ModelEntry): string => {
  const job: Job = {
    spec,
    isFull: ['dreambooth', 'finetune', 'full'].includes(String(spec.extra['method'])),
    kohya: spec.trainer === 'kohya' ? kohyaBaseFor(spec, { model }).traits : undefined,
    aiToolkit: spec.trainer === 'ai-toolkit' ? aiToolkitBaseFor(spec, { model }) : undefined,
  };
  return (
    ADVICE.map((advice) => advice(job))
      .filter((sentence) => typeof sentence === 'string')
      .slice(0, MAX_ADVICE)
      .join(' ') || 'The job is as small as it gets here; run it on a GPU with more memory.'
  );
};
