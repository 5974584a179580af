import { explainExit } from '../explain-exit.js';
import { parseEvent } from '../parse-event.js';
import type { Trainer } from '../trainer.js';
import { parameters } from './parameters.js';
import { planRetrieval } from './plan.js';

/** No weights: an index of the rows, to search. A Node program of this project, on the CPU. */
export const retrieval: Trainer = {
  id: 'retrieval',
  kinds: ['text'],
  usesHub: false,
  usesEmbeddings: true,
  plan: planRetrieval,
  parameters,
  graceMs: 10_000,
  createParser: () => parseEvent,
  collect: () => [],
  // An index that is half done is worth little: it is made as fast as its rows are read.
  findStates: () => [],
  explainFailure: explainExit,
};
