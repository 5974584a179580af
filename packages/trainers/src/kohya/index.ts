import type { Trainer } from '../trainer.js';
import { collect } from './collect.js';
import { explainFailure } from './explain-failure.js';
import { parameters } from './parameters.js';
import { createParser } from './parse.js';
import { planKohya } from './plan.js';
import { findStates } from './states.js';

/** kohya sd-scripts: LoRAs for Stable Diffusion, SDXL, SD3, FLUX and later models; full fine-tunes of the first ones. */
export const kohya: Trainer = {
  id: 'kohya',
  kinds: ['image'],
  usesHub: true,
  parameters,
  // A large model's step, its weights and a state of several gigabytes must fit in.
  graceMs: 120_000,
  plan: planKohya,
  createParser,
  collect,
  findStates,
  explainFailure,
};
