import { explainExit } from '../explain-exit.js';
import { parseEvent } from '../parse-event.js';
import type { Trainer } from '../trainer.js';
import { parameters } from './parameters.js';
import { planTiny } from './plan.js';
import { findStates } from './states.js';

/** The built-in trainer at toy size: a Node program of this project, on the CPU. */
export const tiny: Trainer = {
  id: 'tiny',
  kinds: ['image', 'text'],
  usesHub: false,
  plan: planTiny,
  parameters,
  graceMs: 10_000,
  createParser: () => parseEvent,
  collect: () => [],
  findStates,
  explainFailure: explainExit,
};
