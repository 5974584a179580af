import { workerCopies } from '../worker-copies.js';
import type { Planned } from './plan.js';

const MIB = 1024 * 1024;
/** Weights of one rank over all layers in 16 bits, roughly: SDXL at rank 16 makes 85 MiB. */
const MIB_PER_RANK = { noise: 6, flow: 10 };
const MIB_OF_MODEL = { small: 2300, large: 7000 };
/** Of the driver's; kohya keeps as many of its own in a run that is not gated. */
const KEPT_STATES = 2;
/** A state holds the weights and two moments of them in 32 bits, against weights in 16. */
const STATE_TO_WEIGHTS = 6;
const SAMPLE_MIB = 2;
const BASE_MIB = 32;

/** A careful guess at what the workspace grows to. */
export const diskBytesFor = (planned: Planned): number => {
  const { settings, steps, prompts, mode } = planned;
  const checkpoints = timesOf(settings.saveEvery, steps) + 1;
  const samples = timesOf(settings.sampleEvery, steps) * prompts.length;
  const weights = weightsMib(planned);
  const state = STATE_TO_WEIGHTS * weights;
  const kept = mode === 'gate' ? KEPT_STATES : 2 * KEPT_STATES;
  const caches = settings.caches.isOnDisk ? settings.caches.mib : 0;
  const files = BASE_MIB + checkpoints * weights + kept * state + samples * SAMPLE_MIB + caches;
  return Math.ceil((files + workerCopies({ state, weights })) * MIB);
};

const weightsMib = ({ spec, settings, base }: Planned): number => {
  if (settings.full) return base.family === 'sdxl' ? MIB_OF_MODEL.large : MIB_OF_MODEL.small;
  return spec.network.dim * (base.traits.isFlow ? MIB_PER_RANK.flow : MIB_PER_RANK.noise);
};

const timesOf = (every: { steps?: number; epochs?: number }, steps: Planned['steps']): number =>
  Math.floor(steps.total / (every.steps ?? (every.epochs ?? 1) * steps.perEpoch));
