import type { TrainingSpec } from '@influencerai/shared';
import type { HostFacts } from '../trainer.js';
import { unsupported } from './unsupported.js';

/** A word of the portable spec in kohya's language, and why it is not the one asked for. */
export interface Choice {
  name: string;
  reason?: string;
}

/** Names that kohya knows without importing what a tenant names; what is installed with it serves them. */
const OPTIMIZERS = [
  'AdamW',
  'AdamW8bit',
  'PagedAdamW',
  'PagedAdamW8bit',
  'PagedAdamW32bit',
  'Lion',
  'Lion8bit',
  'PagedLion8bit',
  'SGDNesterov',
  'SGDNesterov8bit',
  'Adafactor',
  'Prodigy',
  'AdamWScheduleFree',
  'RAdamScheduleFree',
  'SGDScheduleFree',
] as const;

/** bitsandbytes trains on CUDA only; these are the same without it. */
const WITHOUT_CUDA: Record<string, string> = {
  AdamW8bit: 'AdamW',
  PagedAdamW: 'AdamW',
  PagedAdamW8bit: 'AdamW',
  PagedAdamW32bit: 'AdamW',
  Lion8bit: 'Lion',
  PagedLion8bit: 'Lion',
  SGDNesterov8bit: 'SGDNesterov',
};

export const optimizerFor = ({ training }: TrainingSpec, { device }: HostFacts): Choice => {
  const name = find(OPTIMIZERS, training.optimizer);
  if (!name) throw unsupported(`it knows no optimizer "${training.optimizer}" (it knows ${OPTIMIZERS.join(', ')}).`);
  const replacement = device === 'cpu' ? WITHOUT_CUDA[name] : undefined;
  if (!replacement) return { name };
  return { name: replacement, reason: `${name} needs a CUDA GPU; on a CPU it trains with ${replacement}.` };
};

/** Without these Adafactor takes no notice of the learning rate (kohya sd-scripts: `train_util.get_optimizer`). */
export const optimizerArguments = (optimizer: string): string[] | undefined =>
  optimizer === 'Adafactor' ? ['scale_parameter=False', 'relative_step=False', 'warmup_init=False'] : undefined;

const SCHEDULERS = [
  'constant',
  'linear',
  'cosine',
  'cosine_with_restarts',
  'polynomial',
  'constant_with_warmup',
] as const;

export const schedulerFor = ({ training }: TrainingSpec, warmupSteps: number): Choice => {
  const name = find(SCHEDULERS, training.lrScheduler);
  if (!name) throw unsupported(`it knows no schedule "${training.lrScheduler}" (it knows ${SCHEDULERS.join(', ')}).`);
  if (name !== 'constant' || warmupSteps === 0) return { name };
  return { name: 'constant_with_warmup', reason: 'kohya refuses a warm-up with constant.' };
};

const find = <T extends string>(known: readonly T[], asked: string): T | undefined =>
  known.find((name) => name.toLowerCase() === asked.toLowerCase());
