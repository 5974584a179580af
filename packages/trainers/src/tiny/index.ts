import { explainExit } from '../explain-exit.js';
import type { Trainer } from '../trainer.js';
import { parseLine } from './parse.js';
import { planTiny } from './plan.js';
import { findStates } from './states.js';

/** The built-in trainer at toy size: a Node program of this project, on the CPU. */
export const tiny: Trainer = {
  id: 'tiny',
  kinds: ['image', 'text'],
  plan: planTiny,
  parse: parseLine,
  findStates,
  explainFailure: explainExit,
};
