import { AppError, type TrainingSpec } from '@influencerai/shared';
import { isAbsolute } from 'node:path/posix';
import type { KohyaFamily, KohyaModel } from '../models/model-entry.js';
import type { PlanContext } from '../trainer.js';
import { FAMILIES, type FamilyTraits } from './families.js';
import type { TomlValue } from './toml.js';

/** A base model with everything that its script must be told of it. */
export interface Base {
  family: KohyaFamily;
  traits: FamilyTraits;
  /** Options with the model's files. */
  options: Record<string, TomlValue>;
  /** Absolute paths among them. */
  reads: string[];
  isFromRegistry: boolean;
}

const HUB_ID = /^[A-Za-z0-9][\w-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/**
 * Well-known hub ids, for workers without a registry; the first pattern that fits counts. SD 2.x predicts noise at 512
 * pixels (`-base`) and velocities at 768; its variants for depth and inpainting take other inputs.
 */
const KNOWN: readonly (readonly [RegExp, Pick<KohyaModel, 'family' | 'vParameterization'>])[] = [
  [/stable-diffusion-xl|sdxl/i, { family: 'sdxl' }],
  [/stable-diffusion-2(-1)?-base$/i, { family: 'sd2' }],
  [/stable-diffusion-2(-1)?$/i, { family: 'sd2', vParameterization: true }],
  [/stable-diffusion-v?1-[1-5]/i, { family: 'sd1' }],
];

/**
 * Files of the base model, from the operator's registry or, for what diffusers can load, a hub id.
 * @throws AppError `model_unavailable`
 */
export const baseFor = (spec: TrainingSpec, { model }: Pick<PlanContext, 'model'>): Base => {
  if (model === undefined) return fromHub(spec);
  if (model.trainer !== 'kohya') throw unavailable(spec, `models.yaml sets it up for ${model.trainer}`);
  return fromRegistry(spec, model);
};

const fromHub = (spec: TrainingSpec): Base => {
  const known = KNOWN.find(([pattern]) => pattern.test(spec.baseModel))?.[1];
  if (!HUB_ID.test(spec.baseModel) || !known) {
    throw unavailable(spec, 'models.yaml needs an entry with trainer: kohya, family and model for it');
  }
  return { ...fromRegistry(spec, { trainer: 'kohya', model: spec.baseModel, ...known }), isFromRegistry: false };
};

const fromRegistry = (spec: TrainingSpec, model: KohyaModel): Base => {
  const traits = FAMILIES[model.family];
  const files = { pretrained_model_name_or_path: model.model, ...filesOf(spec, model, traits) };
  if (!traits.takesHubId && !isAbsolute(model.model)) {
    throw unavailable(spec, `its entry in models.yaml must name a local file as model (family ${model.family})`);
  }
  const cache = model.tokenizerCacheDir;
  return {
    family: model.family,
    traits,
    options: {
      ...files,
      ...(cache !== undefined && { tokenizer_cache_dir: cache }),
      ...traits.options,
      ...(model.family === 'sd2' && model.vParameterization && { v_parameterization: true }),
    },
    reads: [...Object.values(files), ...(cache === undefined ? [] : [cache])].filter((path) => isAbsolute(path)),
    isFromRegistry: true,
  };
};

const filesOf = (
  spec: TrainingSpec,
  model: KohyaModel,
  { required, optional }: FamilyTraits,
): Record<string, string> => {
  const missing = Object.keys(required).filter((key) => model[key as keyof typeof required] === undefined);
  if (missing.length > 0) {
    throw unavailable(spec, `its entry in models.yaml lacks ${missing.join(', ')} (family ${model.family})`);
  }
  const options = Object.entries({ ...required, ...optional });
  return Object.fromEntries(
    options.flatMap(([key, option]) => {
      const path = model[key as keyof typeof required];
      return path === undefined ? [] : [[option, path]];
    }),
  );
};

const unavailable = (spec: TrainingSpec, reason: string): AppError =>
  new AppError('model_unavailable', { model: spec.baseModel, reason });
