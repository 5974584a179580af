import type { TrainingSpec } from '@influencerai/shared';
import type { HostFacts } from '../trainer.js';
import { unsupported } from './parameters.js';

/** What the trainer gets for a word of the spec, and why it is not the same. */
export interface Choice {
  name: string;
  params: Record<string, unknown>;
  reason?: string;
}

interface Optimizer {
  name: string;
  /** What a host without CUDA takes in its place. */
  onCpu?: string;
  reason?: string;
}

/** Spellings of kohya and Hugging Face, as ostris/ai-toolkit has them in toolkit/optimizer.py. */
const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  adam: { name: 'adam' },
  adamw: { name: 'adamw' },
  adamw_torch: { name: 'adamw' },
  adam8bit: { name: 'adam8bit', onCpu: 'adam' },
  adamw8bit: { name: 'adamw8bit', onCpu: 'adamw' },
  pagedadamw8bit: { name: 'adamw8bit', onCpu: 'adamw', reason: 'ai-toolkit has no paged optimizers.' },
  lion8bit: { name: 'lion8bit', onCpu: 'adamw' },
  lion: { name: 'lion8bit', onCpu: 'adamw', reason: 'Lion comes with 8 bit states here.' },
  adafactor: { name: 'adafactor' },
  adagrad: { name: 'adagrad' },
  prodigy: { name: 'prodigy' },
  prodigy8bit: { name: 'prodigy8bit' },
  automagic: { name: 'automagic' },
};

/** Optimizers that find their own rate: ai-toolkit raises any below 0.1 to 1. */
const SELF_TUNING = ['prodigy', 'prodigy8bit'];
const LEAST_SELF_TUNING_RATE = 0.1;

/** @throws AppError `spec_unsupported` for an optimizer that the trainer lacks; its name is never passed on. */
export const optimizerFor = ({ training }: TrainingSpec, { device }: HostFacts): Choice => {
  const asked = training.optimizer.trim().toLowerCase();
  if (!Object.hasOwn(OPTIMIZERS, asked)) {
    throw unsupported(`the optimizer "${training.optimizer}" is none of ${Object.keys(OPTIMIZERS).join(', ')}.`);
  }
  const { name, onCpu, reason } = OPTIMIZERS[asked]!;
  if (device === 'cuda' || !onCpu) return { name, params: {}, reason };
  return { name: onCpu, params: {}, reason: `${training.optimizer} needs a CUDA GPU.` };
};

/** The learning rate as the optimizer takes it. */
export const learningRateFor = ({ training }: TrainingSpec, optimizer: Choice): { value: number; reason?: string } =>
  SELF_TUNING.includes(optimizer.name) && training.learningRate < LEAST_SELF_TUNING_RATE
    ? { value: 1, reason: `${optimizer.name} finds the rate itself; ai-toolkit raises what is below 0.1 to 1.` }
    : { value: training.learningRate };

const DECAY = { start_factor: 1, end_factor: 0 };

/** Words for schedules, with what toolkit/scheduler.py makes of them: its `linear` rises unless told otherwise. */
const SCHEDULERS: Readonly<Record<string, Choice>> = {
  constant: { name: 'constant', params: {} },
  constant_with_warmup: { name: 'constant', params: {} },
  cosine: { name: 'cosine', params: {} },
  linear: { name: 'linear', params: DECAY },
  cosine_with_restarts: {
    name: 'cosine',
    params: {},
    reason: 'Its restarts cannot be set; one cycle over all steps is what remains.',
  },
  polynomial: { name: 'linear', params: DECAY, reason: 'The trainer has no polynomial schedule; power 1 is linear.' },
};

/** The schedule; a warm-up exists with a constant rate only. */
export const schedulerFor = ({ training }: TrainingSpec, warmupSteps: number): Choice => {
  const asked = training.lrScheduler.trim().toLowerCase();
  if (!Object.hasOwn(SCHEDULERS, asked)) {
    throw unsupported(`the schedule "${training.lrScheduler}" is none of ${Object.keys(SCHEDULERS).join(', ')}.`);
  }
  const choice = SCHEDULERS[asked]!;
  if (choice.name !== 'constant' || warmupSteps === 0) return choice;
  return { name: 'constant_with_warmup', params: { num_warmup_steps: warmupSteps } };
};

/** Whether the schedule of a spec can begin with a warm-up. */
export const hasWarmup = (choice: Choice): boolean => choice.name === 'constant_with_warmup';
