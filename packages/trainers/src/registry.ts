import type { TrainerId } from '@influencerai/shared';
import { aiToolkit } from './ai-toolkit/index.js';
import { kohya } from './kohya/index.js';
import { retrieval } from './retrieval/index.js';
import { tiny } from './tiny/index.js';
import type { Trainer } from './trainer.js';
import { trl } from './trl/index.js';

/** The trainers that can be planned and run; ids without a line are known by name only. */
const TRAINERS: Partial<Record<TrainerId, Trainer>> = {
  tiny,
  kohya,
  'ai-toolkit': aiToolkit,
  trl,
  retrieval,
};

/** The trainer of this id, or undefined while it has no implementation. */
export const findTrainer = (id: TrainerId): Trainer | undefined => TRAINERS[id];

/** Ids of all trainers with an implementation. */
export const implementedTrainers = (): TrainerId[] => Object.values(TRAINERS).map((trainer) => trainer.id);
