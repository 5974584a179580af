import type { TinyConfig } from '../config.js';
import { createImageLearner } from './image-learner.js';
import type { Learner } from './learner.js';
import { createTextLearner } from './text-learner.js';

export const createLearner = (config: TinyConfig): Promise<Learner> =>
  config.kind === 'image' ? createImageLearner(config) : createTextLearner(config);
