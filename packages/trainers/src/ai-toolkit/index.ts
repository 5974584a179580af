import { findDriverStates } from '../driver.js';
import type { Trainer } from '../trainer.js';
import { collect } from './collect.js';
import { explainFailure } from './explain-failure.js';
import { parameters } from './parameters.js';
import { createParser } from './parse.js';
import { planAiToolkit } from './plan.js';

/** ostris/ai-toolkit: LoRAs of image models and of the image side of video models, driven by a step gate of ours. */
export const aiToolkit: Trainer = {
  id: 'ai-toolkit',
  kinds: ['image'],
  usesHub: true,
  parameters,
  graceMs: 180_000,
  plan: planAiToolkit,
  createParser,
  collect,
  findStates: findDriverStates,
  explainFailure,
};
