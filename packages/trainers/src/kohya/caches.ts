import type { TrainingSpec } from '@influencerai/shared';
import type { PlanContext } from '../trainer.js';
import type { FamilyTraits } from './families.js';
import type { KohyaParameters } from './parameters.js';

/** What a host surely has to spare for them beside a base model. Each process of a job has its own. */
const IN_MEMORY_MIB = 4096;
const MIB = 1024 * 1024;
/** Latents are eight times smaller than the picture on each side, in 32 bits. */
const LATENT = { shrink: 8, bytes: 4, channels: { noise: 4, flow: 16 } };

export interface Caches {
  /** Encoded pictures and captions of the whole dataset; 0 where none are kept. */
  mib: number;
  /** Beside the links of the job instead of in main memory, where a large dataset fills it. */
  isOnDisk: boolean;
}

interface Cached {
  isFull: boolean;
  given: KohyaParameters;
  cachesLatents: boolean;
  cachesText: boolean;
}

/** What a network's training keeps of its dataset, and where. Full fine-tunes keep small latents, in memory. */
export const cachesFor = (
  { training }: TrainingSpec,
  { dataset, host }: Pick<PlanContext, 'dataset' | 'host'>,
  {
    captionMib,
    isFlow,
    isFull,
    given,
    cachesLatents,
    cachesText,
  }: Pick<FamilyTraits, 'captionMib' | 'isFlow'> & Cached,
): Caches => {
  const pictures = dataset.kind === 'image' ? dataset.images.length : 0;
  const side = training.resolution / LATENT.shrink;
  const latent =
    (LATENT.channels[isFlow ? 'flow' : 'noise'] * LATENT.bytes * side ** 2 * (given.flipAug ? 2 : 1)) / MIB;
  const mib = pictures * ((cachesLatents ? latent : 0) + (cachesText ? captionMib : 0));
  return { mib, isOnDisk: !isFull && mib * Math.max(1, host.gpus) > IN_MEMORY_MIB };
};
