/** What an architecture needs, and what the trainer sets for it on its own start page. */
export interface Arch {
  /** Pixels that both sides of a training picture are a multiple of. */
  divisibility: number;
  /** Transformers get weights in the style of PEFT, which have no alpha: the rank takes its place. */
  isTransformer: boolean;
  /** Weighting by signal-to-noise ratio is of noise-predicting models. */
  isEpsilon: boolean;
  /** Its text encoders can be trained along. */
  trainsTextEncoder: boolean;
  /** Without its one text encoder no sample can be made (toolkit/stable_diffusion_model.py, `save_device_state`). */
  needsTextEncoder?: boolean;
  quantize: boolean;
  quantizeTextEncoder: boolean;
  lowVram: boolean;
  timestepType?: TimestepType;
  guidanceScale: number;
  sampleSteps: number;
  /** More keys of its `model` section. */
  model?: Readonly<Record<string, unknown>>;
  /** More keys of its `train` section. */
  train?: Readonly<Record<string, unknown>>;
  /** More keys of its `network` section. */
  network?: Readonly<Record<string, unknown>>;
}

export const TIMESTEP_TYPES = ['sigmoid', 'linear', 'weighted', 'shift', 'lognorm_blend', 'next_sample'] as const;
export type TimestepType = (typeof TIMESTEP_TYPES)[number];

const UNET: Arch = {
  divisibility: 16,
  isTransformer: false,
  isEpsilon: true,
  trainsTextEncoder: true,
  quantize: false,
  quantizeTextEncoder: false,
  lowVram: false,
  guidanceScale: 6,
  sampleSteps: 25,
};

const FLOW: Arch = {
  divisibility: 16,
  isTransformer: true,
  isEpsilon: false,
  trainsTextEncoder: false,
  quantize: true,
  quantizeTextEncoder: true,
  lowVram: false,
  guidanceScale: 4,
  sampleSteps: 25,
};

const SMALL_FLOW: Arch = { ...FLOW, quantize: false };
const LARGE_FLOW: Arch = { ...FLOW, lowVram: true, timestepType: 'weighted' };
const LINEAR_FLOW: Arch = { ...FLOW, lowVram: true, timestepType: 'linear' };
const FLUX2: Arch = { ...LARGE_FLOW, model: { model_kwargs: { match_target_res: false } } };
const EXPERTS_OF_HIDREAM = { network_kwargs: { ignore_if_contains: ['ff_i.experts', 'ff_i.gate'] } };
const FLEX2_MODEL = {
  model_kwargs: {
    invert_inpaint_mask_chance: 0.2,
    inpaint_dropout: 0.5,
    control_dropout: 0.5,
    inpaint_random_chance: 0.2,
    do_random_inpainting: true,
    random_blur_mask: true,
    random_dialate_mask: true,
  },
};

/**
 * Architectures that learn from single pictures with captions, by their name in `model.arch`. Facts of ostris/ai-toolkit
 * 27a03a91: defaults from ui/src/app/jobs/new/options.tsx, divisibility from `get_bucket_divisibility` of the model
 * classes, the rest from toolkit/lora_special.py and toolkit/stable_diffusion_model.py.
 */
export const ARCHS: Readonly<Record<string, Arch>> = {
  sd1: { ...UNET, needsTextEncoder: true },
  sd2: { ...UNET, needsTextEncoder: true },
  sdxl: UNET,
  ssd: UNET,
  vega: UNET,
  sd3: { ...FLOW, divisibility: 32 },
  flux: { ...FLOW, divisibility: 32 },
  flex1: { ...FLOW, divisibility: 32, train: { bypass_guidance_embedding: true } },
  flex2: { ...FLOW, train: { bypass_guidance_embedding: true }, model: FLEX2_MODEL },
  flux_kontext: { ...FLOW, timestepType: 'weighted' },
  flux2: FLUX2,
  flux2_klein_4b: FLUX2,
  flux2_klein_9b: FLUX2,
  chroma: { ...FLOW, divisibility: 32 },
  lumina2: { ...SMALL_FLOW, needsTextEncoder: true },
  omnigen2: SMALL_FLOW,
  cogview4: { ...FLOW, divisibility: 8 },
  qwen_image: { ...LARGE_FLOW, divisibility: 32 },
  ernie_image: { ...LARGE_FLOW, divisibility: 32 },
  zimage: { ...LARGE_FLOW, sampleSteps: 30 },
  anima: { ...SMALL_FLOW, divisibility: 32, quantizeTextEncoder: false, timestepType: 'weighted' },
  krea2: LINEAR_FLOW,
  hidream: { ...FLOW, timestepType: 'shift', network: EXPERTS_OF_HIDREAM },
  nucleus_image: {
    ...FLOW,
    divisibility: 32,
    timestepType: 'linear',
    network: { network_kwargs: { ignore_if_contains: ['img_mlp.experts', 'img_mlp.gate'] } },
  },
  wan21: FLOW,
  wan22_5b: { ...LARGE_FLOW, divisibility: 32 },
  wan22_14b: { ...LINEAR_FLOW, model: { model_kwargs: { train_high_noise: true, train_low_noise: true } } },
};

/** Architectures of the trainer that need more than pictures with captions. */
export const UNSUITED_ARCHS: Readonly<Record<string, string>> = {
  qwen_image_edit: 'it learns from pairs of pictures',
  qwen_image_edit_plus: 'it learns from pairs of pictures',
  hidream_e1: 'it learns from pairs of pictures',
  boogu_image_edit: 'it learns from pairs of pictures',
  mageflow_edit: 'it learns from pairs of pictures',
  wan21_i2v: 'it learns from videos',
  wan22_14b_i2v: 'it learns from videos',
  ltx2: 'it learns from videos with sound',
  'ltx2.3': 'it learns from videos with sound',
  'ltx2.5': 'it learns from videos with sound',
  minimax_h3: 'it learns from videos with sound',
  minimax_h3_ref2va: 'it learns from videos with sound',
  ace_step_15: 'it learns from sound',
  ace_step_15_xl: 'it learns from sound',
};
