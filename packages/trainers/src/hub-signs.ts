import type { Failure, TrainerExit } from './trainer.js';

/** At the hub, or at a mirror: what it serves of models lies below these. */
const ADDRESS = /https?:\S*(?:huggingface\.co\/|\/api\/models\/|\/resolve\/)/.source;

/** What the hub answers who may not read a model (huggingface_hub: utils/_http.py; transformers: utils/hub.py). */
const NO_ACCESS = new RegExp(
  [
    /GatedRepoError|Cannot access gated repo|access a gated repo|is a gated repository/.source,
    `40[13] (?:Client Error|Unauthorized|Forbidden).* for url:? '?${ADDRESS}`,
    `Cannot access content at: ${ADDRESS}`,
  ].join('|'),
);

/** Of a model that does not exist, and of a private one: the hub tells them apart for nobody who may not read it. */
const NOT_FOUND = /RepositoryNotFoundError|Repository Not Found for url/;

/**
 * Explains that the hub keeps a model from this worker. Where it refuses one, another worker may have it, or a token that
 * opens it. One that it does not have is a name that was written wrong, more often than not, and the job fails.
 */
export const fromHub = ({ tail }: Pick<TrainerExit, 'tail'>): Failure | undefined => {
  const line = tail.findLast((candidate) => NO_ACCESS.test(candidate) || NOT_FOUND.test(candidate));
  if (line === undefined) return undefined;
  return NOT_FOUND.test(line) ? NO_SUCH_MODEL : REFUSED;
};

const NO_SUCH_MODEL: Failure = {
  code: 'model_unavailable',
  error: 'The hub shows this worker no model of this name: there is none, or it is private.',
  hint: 'Look at the spelling of the base model. For a private one the operator sets HF_TOKEN, or names a folder with it in models.yaml.',
};

const REFUSED: Failure = {
  code: 'model_unavailable',
  error:
    'The hub does not give this worker the base model: it is gated or private. For a gated one the operator accepts the licence on its page at the hub and sets HF_TOKEN.',
  hint: 'The operator sets HF_TOKEN, or names a folder with the model in models.yaml.',
  isLack: true,
};
