import type { Trainer } from '../trainer.js';
import { explainFailure } from './explain-failure.js';
import { parameters } from './parameters.js';
import { createParser } from './parse.js';
import { planTrl } from './plan.js';
import { findStates, isWhole } from './states.js';

/** TRL's supervised fine-tuning of language models, driven by a step gate of ours on one device, and by a driver of each process on several. */
export const trl: Trainer = {
  id: 'trl',
  kinds: ['text'],
  usesHub: true,
  parameters,
  graceMs: 120_000,
  plan: planTrl,
  createParser,
  // The driver announces what it wrote.
  collect: () => [],
  findStates,
  isWhole,
  explainFailure,
};
