import type { TrainingSpec } from '@influencerai/shared';
import type { HostFacts } from '../trainer.js';
import { unsupported } from './settings.js';

/** A value of the portable spec in TRL's words. */
export interface Choice {
  name: string;
  /** Why it is not quite what was asked for. */
  reason?: string;
}

/** Names of transformers' `OptimizerNames` (transformers: training_args.py); null where the CPU has none. */
const OPTIMIZERS: Record<string, { cuda: string; cpu: string | null }> = {
  adamw: { cuda: 'adamw_torch_fused', cpu: 'adamw_torch' },
  adamw8bit: { cuda: 'adamw_bnb_8bit', cpu: 'adamw_torch' },
  pagedadamw: { cuda: 'paged_adamw_32bit', cpu: 'adamw_torch' },
  pagedadamw8bit: { cuda: 'paged_adamw_8bit', cpu: 'adamw_torch' },
  adafactor: { cuda: 'adafactor', cpu: 'adafactor' },
  sgd: { cuda: 'sgd', cpu: 'sgd' },
  lion: { cuda: 'lion_32bit', cpu: null },
  lion8bit: { cuda: 'lion_8bit', cpu: null },
  pagedlion8bit: { cuda: 'paged_lion_8bit', cpu: null },
};

/** Those of bitsandbytes. */
const QUANTIZED = /8bit|paged|lion/;

const SCHEDULERS = ['constant', 'linear', 'cosine', 'cosine_with_restarts', 'polynomial', 'constant_with_warmup'];

/** @throws AppError `spec_unsupported` */
export const optimizerFor = ({ training }: TrainingSpec, { device, hasBitsandbytes }: HostFacts): Choice => {
  const asked = training.optimizer.toLowerCase().replaceAll(/[-_]/g, '');
  const known = Object.hasOwn(OPTIMIZERS, asked) ? OPTIMIZERS[asked]! : undefined;
  if (!known) {
    throw unsupported(
      `the optimizer ${JSON.stringify(training.optimizer.slice(0, 60))} is none of AdamW, AdamW8bit, PagedAdamW, PagedAdamW8bit, Adafactor, Lion, Lion8bit, PagedLion8bit, SGD.`,
    );
  }
  const lacking = hasBitsandbytes === false && QUANTIZED.test(known.cuda) ? 'bitsandbytes' : undefined;
  if (device === 'cuda' && !lacking) return { name: known.cuda };
  const need = device === 'cuda' ? lacking : 'a CUDA GPU';
  if (known.cpu === null) throw unsupported(`the optimizer ${training.optimizer} needs ${need}.`);
  const isStandIn = known.cpu === 'adamw_torch' && asked !== 'adamw';
  return {
    name: known.cpu,
    ...(isStandIn && { reason: `8-bit and paged optimizers need ${need}; plain AdamW computes the same update.` }),
  };
};

/** @throws AppError `spec_unsupported` */
export const schedulerFor = ({ training }: TrainingSpec, warmupSteps: number): Choice => {
  const asked = training.lrScheduler.toLowerCase();
  if (!SCHEDULERS.includes(asked)) {
    throw unsupported(
      `the schedule ${JSON.stringify(training.lrScheduler.slice(0, 60))} is none of ${SCHEDULERS.join(', ')}.`,
    );
  }
  // transformers ignores the warm-up of `constant`.
  if (asked === 'constant' && warmupSteps > 0) return { name: 'constant_with_warmup' };
  return { name: asked };
};
