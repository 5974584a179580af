import { workerCopies } from '../worker-copies.js';
import type { Planned } from './plan.js';

const ASSUMED_PARAMETERS = 1e9;
/** States kept, the one being written, and the run's own copy. */
const STATES = 4;
const NAMED_CHECKPOINTS = 5;
/** Share of a model that an adapter of rank 1 on all linear layers has. */
const ADAPTER_SHARE = 0.0004;

/** Weights and AdamW's two moments, all in 4 bytes a number; a parameter count is taken from the base's name. */
export const diskBytesFor = ({ spec, settings, base, dataset }: Planned): number => {
  const parameters = parametersIn(base.model) ?? parametersIn(spec.baseModel) ?? ASSUMED_PARAMETERS;
  const trained = settings.method === 'full' ? parameters : parameters * ADAPTER_SHARE * spec.network.dim;
  const weights = 4 * trained;
  const rows = dataset.rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0);
  const state = 3 * weights;
  const files = STATES * state + NAMED_CHECKPOINTS * weights + 10 * rows + 64 * 1024 * 1024;
  return Math.round(files + workerCopies({ state, weights }));
};

/** `Qwen2.5-0.5B`, `pythia-70m`. */
const parametersIn = (name: string): number | undefined => {
  const [, count, unit] = /(?:^|[-_/])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])/i.exec(name) ?? [];
  return count === undefined ? undefined : Number(count) * (unit!.toLowerCase() === 'b' ? 1e9 : 1e6);
};
