import type { KohyaFamily, KohyaModel } from '../models/model-entry.js';
import type { TomlValue } from './toml.js';

type ModelFile = Exclude<keyof KohyaModel, 'trainer' | 'family' | 'model' | 'tokenizerCacheDir' | 'vParameterization'>;

/** How a kind of model is trained (kohya sd-scripts: `docs/*_train_network.md`, the scripts' `setup_parser`). */
export interface FamilyTraits {
  script: string;
  /** Class of the script that the driver extends. */
  trainerClass: string;
  networkModule: string;
  /** Entries of `models.yaml` without which the script fails, and the options they become. */
  required: Partial<Record<ModelFile, string>>;
  optional: Partial<Record<ModelFile, string>>;
  options: Record<string, TomlValue>;
  /** Bucket sizes must be multiples of it; the script asserts that. */
  bucketStep: number;
  /** Noise-prediction models; the others match flows, where several options mean nothing. */
  isFlow: boolean;
  /** Hub ids and diffusers folders load as well as single files. */
  takesHubId: boolean;
  /** Text encoder outputs can be computed once; `without-text-lora` only when no text encoder is trained. */
  textCache: 'none' | 'always' | 'without-text-lora';
  /** What the cached outputs of a caption take in 32 bits, in MiB; most are padded to the longest that is read. */
  captionMib: number;
  /**
   * The most `blocks_to_swap` that the script takes of the largest model of the family, two blocks fewer than it has;
   * where there are double and single blocks it takes one and two of them in turn. 0: the family has none to swap.
   */
  swappableBlocks: number;
  /** Option that stores the frozen base in 8 bits. */
  fp8?: 'fp8_base' | 'fp8_scaled';
  full: Partial<Record<'dreambooth' | 'finetune', FullScript>>;
}

export interface FullScript {
  script: string;
  /** `fine_tune.py` reads captions from a metadata file only. */
  dataset: 'folder' | 'metadata';
  /** Option of the text encoder's learning rate. */
  textRate?: string;
  /** Switch without which that rate counts for nothing. */
  textSwitch?: string;
}

const noise = { isFlow: false, takesHubId: true, swappableBlocks: 0, required: {} } as const;
const flow = { isFlow: true, takesHubId: false, full: {} } as const;

const sd = {
  ...noise,
  script: 'train_network',
  trainerClass: 'NetworkTrainer',
  networkModule: 'networks.lora',
  optional: { vae: 'vae' },
  bucketStep: 64,
  textCache: 'none',
  captionMib: 0,
  fp8: 'fp8_base',
  full: {
    dreambooth: { script: 'train_db', dataset: 'folder', textRate: 'learning_rate_te' },
    finetune: {
      script: 'fine_tune',
      dataset: 'metadata',
      textRate: 'learning_rate_te',
      textSwitch: 'train_text_encoder',
    },
  },
} as const;

const sdxlFull = { script: 'sdxl_train', dataset: 'folder', textSwitch: 'train_text_encoder' } as const;

const flux = {
  ...flow,
  // 19 double and 38 single blocks.
  swappableBlocks: 35,
  script: 'flux_train_network',
  trainerClass: 'FluxNetworkTrainer',
  networkModule: 'networks.lora_flux',
  bucketStep: 32,
  textCache: 'always',
  captionMib: 9,
  fp8: 'fp8_base',
} as const;

export const FAMILIES: Record<KohyaFamily, FamilyTraits> = {
  sd1: { ...sd, options: {} },
  sd2: { ...sd, options: { v2: true } },
  sdxl: {
    ...noise,
    script: 'sdxl_train_network',
    trainerClass: 'SdxlNetworkTrainer',
    networkModule: 'networks.lora',
    optional: { vae: 'vae' },
    options: { no_half_vae: true },
    bucketStep: 32,
    textCache: 'without-text-lora',
    captionMib: 2,
    fp8: 'fp8_base',
    full: { dreambooth: sdxlFull, finetune: sdxlFull },
  },
  sd3: {
    ...flow,
    // 3.5 Large; the smaller ones have 24 blocks.
    swappableBlocks: 36,
    script: 'sd3_train_network',
    trainerClass: 'Sd3NetworkTrainer',
    networkModule: 'networks.lora_sd3',
    required: {},
    optional: { clipL: 'clip_l', clipG: 'clip_g', t5xxl: 't5xxl', vae: 'vae' },
    options: {},
    bucketStep: 32,
    textCache: 'always',
    captionMib: 6,
    fp8: 'fp8_base',
  },
  flux: {
    ...flux,
    required: { clipL: 'clip_l', t5xxl: 't5xxl', ae: 'ae' },
    optional: {},
    options: { guidance_scale: 1.0, timestep_sampling: 'flux_shift', model_prediction_type: 'raw' },
  },
  chroma: {
    ...flux,
    required: { t5xxl: 't5xxl', ae: 'ae' },
    optional: {},
    options: {
      model_type: 'chroma',
      apply_t5_attn_mask: true,
      guidance_scale: 0.0,
      timestep_sampling: 'sigmoid',
      model_prediction_type: 'raw',
    },
  },
  lumina: {
    ...flow,
    swappableBlocks: 24,
    script: 'lumina_train_network',
    trainerClass: 'LuminaNetworkTrainer',
    networkModule: 'networks.lora_lumina',
    required: { gemma2: 'gemma2', ae: 'ae' },
    optional: {},
    options: { timestep_sampling: 'nextdit_shift', model_prediction_type: 'raw', discrete_flow_shift: 6.0 },
    bucketStep: 16,
    textCache: 'without-text-lora',
    captionMib: 3,
    fp8: 'fp8_base',
  },
  'hunyuan-image': {
    ...flow,
    // 20 double and 40 single blocks.
    swappableBlocks: 37,
    script: 'hunyuan_image_train_network',
    trainerClass: 'HunyuanImageNetworkTrainer',
    networkModule: 'networks.lora_hunyuan_image',
    required: { textEncoder: 'text_encoder', byt5: 'byt5', vae: 'vae' },
    optional: {},
    options: { timestep_sampling: 'sigma', model_prediction_type: 'raw', discrete_flow_shift: 5.0 },
    bucketStep: 32,
    textCache: 'without-text-lora',
    captionMib: 4,
    fp8: 'fp8_scaled',
  },
  anima: {
    ...flow,
    swappableBlocks: 26,
    script: 'anima_train_network',
    trainerClass: 'AnimaNetworkTrainer',
    networkModule: 'networks.lora_anima',
    required: { qwen3: 'qwen3', vae: 'vae' },
    optional: {},
    options: { timestep_sampling: 'sigmoid', discrete_flow_shift: 1.0 },
    bucketStep: 16,
    textCache: 'without-text-lora',
    captionMib: 3,
  },
};
