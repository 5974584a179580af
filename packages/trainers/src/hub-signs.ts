import type { Failure, TrainerExit } from './trainer.js';

/**
 * What the hub answers who may not read a model; the last two are for what is missing, and for what is hidden from those
 * without a token (huggingface_hub: utils/_http.py; transformers: utils/hub.py).
 */
const NO_ACCESS =
  /GatedRepoError|Cannot access gated repo|access a gated repo|is a gated repository|40[13] Client Error|RepositoryNotFoundError|Repository Not Found for url/;

/** Explains that the hub keeps a model from this worker; another may have it, or a token that opens it. */
export const fromHub = ({ tail }: Pick<TrainerExit, 'tail'>): Failure | undefined => {
  if (!tail.some((line) => NO_ACCESS.test(line))) return undefined;
  return {
    code: 'model_unavailable',
    error:
      'The hub does not give this worker the base model: it is gated or private, or no model has this name. For a gated one the operator accepts the licence on its page at the hub and sets HF_TOKEN.',
    hint: 'Look at the name of the base model; else the operator sets HF_TOKEN, or names a folder with it in models.yaml.',
    isLack: true,
  };
};
