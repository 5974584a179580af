import type { HostFacts } from '@influencerai/trainers';
import type { HostGpu } from './gpu-list.js';

/** From this on, GPUs compute in bf16 (Ampere); torch makes older ones emulate it. */
const HAS_BF16_FROM = 8;

/** What plans are told of the GPUs that a job gets. */
export const hostFacts = (gpus: readonly HostGpu[], hasBitsandbytes: boolean | undefined): HostFacts => ({
  device: gpus.length > 0 ? 'cuda' : 'cpu',
  gpus: gpus.length,
  hasBitsandbytes,
  hasBf16: gpus.every(({ computeCapability = HAS_BF16_FROM }) => computeCapability >= HAS_BF16_FROM),
});
