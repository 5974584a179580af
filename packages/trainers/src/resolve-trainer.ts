import type { DatasetKind, TrainerId } from '@influencerai/shared';
import { EMPTY_REGISTRY, findModel, type ModelRegistry } from './models/model-registry.js';
import type { TrainingKind } from './trainer.js';

export interface ResolvedTrainer {
  trainer: TrainerId;
  /** What the model learns from. It may differ from what the dataset holds; the caller refuses that pair. */
  kind: TrainingKind;
}

/**
 * Which trainer a base model calls for, first match wins. The names are what people write: hub ids
 * (`stabilityai/stable-diffusion-xl-base-1.0`), file names (`flux1-dev.safetensors`) and short forms (`sd15`).
 * FLUX.1 has the better tested LoRA script in kohya; later transformer models exist in ai-toolkit only.
 */
const MODEL_NAMES: readonly [pattern: RegExp, resolved: ResolvedTrainer][] = [
  [/^tiny-text$/, { trainer: 'tiny', kind: 'text' }],
  [/^tiny-image$/, { trainer: 'tiny', kind: 'image' }],
  [/flux[._-]?2|kontext|klein/, { trainer: 'ai-toolkit', kind: 'image' }],
  [/flux|chroma/, { trainer: 'kohya', kind: 'image' }],
  [
    /qwen[._-]?image|(^|[/._-])wan[._-]?[a-z]*[._-]?\d|hidream|omnigen|ltx|z[._-]?image|krea[._-]?2|boogu|mage[._-]?flow|prx[._-]?pixel/,
    { trainer: 'ai-toolkit', kind: 'image' },
  ],
  [
    /stable[._-]?diffusion|(^|[/._-])sd[._-]?(xl|turbo|v?\d)|sdxl|(^|[/._-])xl([._-]|$)/,
    { trainer: 'kohya', kind: 'image' },
  ],
  [
    /lumina|hunyuan[._-]?image|(^|[/._-])anima(gine)?([._-]|$)|dreamshaper|realistic[._-]?vision|pony|illustrious|juggernaut/,
    { trainer: 'kohya', kind: 'image' },
  ],
  [
    /llama|mistral|mixtral|gemma|qwen|(^|[/._-])phi[._-]?\d|gpt|pythia|smollm|falcon|deepseek|olmo|bloom/,
    { trainer: 'trl', kind: 'text' },
  ],
];

/**
 * The trainer that a base model calls for: what the operator's registry says of it, else what its name tells. An unknown
 * name is judged by the dataset it is to learn from.
 */
export const resolveTrainer = (
  modelName: string,
  datasetKind: DatasetKind,
  registry: ModelRegistry = EMPTY_REGISTRY,
): ResolvedTrainer => {
  const entry = findModel(registry, modelName);
  if (entry) return { trainer: entry.trainer, kind: entry.trainer === 'trl' ? 'text' : 'image' };
  const name = modelName.trim().toLowerCase();
  const datasetTeaches = trainingKindOf(datasetKind);
  if (name === 'tiny') return { trainer: 'tiny', kind: datasetTeaches };
  const known = MODEL_NAMES.find(([pattern]) => pattern.test(name));
  if (known) return known[1];
  return datasetTeaches === 'text' ? { trainer: 'trl', kind: 'text' } : { trainer: 'kohya', kind: 'image' };
};

/** Whether a name says which trainer it calls for: the built-in models, and what {@link resolveTrainer} knows. */
export const isKnownModel = (modelName: string): boolean => {
  const name = modelName.trim().toLowerCase();
  return name === 'tiny' || MODEL_NAMES.some(([pattern]) => pattern.test(name));
};

/** What a dataset of this kind can teach. */
export const trainingKindOf = (datasetKind: DatasetKind): TrainingKind =>
  datasetKind === 'fine-tuning' ? 'text' : 'image';
