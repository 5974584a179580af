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
  /** It learns the pictures themselves, not what an autoencoder makes of them. */
  isPixelSpace?: boolean;
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
const ZIMAGE: Arch = { ...LARGE_FLOW, sampleSteps: 30 };
/** Distilled models are trained over an adapter that undoes the distillation, and sampled as they are. */
const DISTILLED = { guidanceScale: 1, sampleSteps: 9 };
/** Single files without a text encoder, which this model has. */
const EXTRAS_OF_ZIMAGE = { extras_name_or_path: 'Tongyi-MAI/Z-Image-Turbo' };
const ADAPTER_OF_ZIMAGE_TURBO = 'ostris/zimage_turbo_training_adapter/zimage_turbo_training_adapter_v2.safetensors';
const ADAPTER_OF_KREA2_TURBO = 'ostris/krea2_turbo_training_adapter/krea2_turbo_training_adapter_v1.safetensors';
const HIDREAM_O1: Arch = {
  ...FLOW,
  divisibility: 32,
  quantizeTextEncoder: false,
  needsTextEncoder: true,
  isPixelSpace: true,
  timestepType: 'linear',
  model: { model_kwargs: { noise_scale: 8, noise_scale_inference: 8 } },
  train: { max_loss: 1 },
  network: {
    transformer_only: false,
    network_kwargs: { ignore_if_contains: ['lm_head', 'patch_embed', 'visual'] },
  },
};
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
 * Architectures that learn from single pictures with captions, by their name in `model.arch`; what follows a colon the
 * trainer leaves away, and names a variant with settings of its own. Facts of ostris/ai-toolkit
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
  chroma_radiance: { ...FLOW, divisibility: 32, isPixelSpace: true },
  zeta_chroma: { ...FLOW, divisibility: 32, isPixelSpace: true, model: EXTRAS_OF_ZIMAGE },
  lumina2: { ...SMALL_FLOW, needsTextEncoder: true },
  omnigen2: SMALL_FLOW,
  cogview4: { ...FLOW, divisibility: 8 },
  qwen_image: { ...LARGE_FLOW, divisibility: 32 },
  ernie_image: { ...LARGE_FLOW, divisibility: 32 },
  zimage: ZIMAGE,
  'zimage:turbo': { ...ZIMAGE, ...DISTILLED, model: { assistant_lora_path: ADAPTER_OF_ZIMAGE_TURBO } },
  'zimage:deturbo': { ...ZIMAGE, guidanceScale: 3, sampleSteps: 25, model: EXTRAS_OF_ZIMAGE },
  zimage_l2p: { ...LINEAR_FLOW, isPixelSpace: true, model: EXTRAS_OF_ZIMAGE },
  anima: { ...SMALL_FLOW, divisibility: 32, quantizeTextEncoder: false, timestepType: 'weighted' },
  krea2: LINEAR_FLOW,
  'krea2:turbo': { ...LINEAR_FLOW, ...DISTILLED, model: { assistant_lora_path: ADAPTER_OF_KREA2_TURBO } },
  boogu_image: LINEAR_FLOW,
  mageflow: LINEAR_FLOW,
  prx_pixel: { ...LINEAR_FLOW, isPixelSpace: true },
  hidream: { ...FLOW, timestepType: 'shift', network: EXPERTS_OF_HIDREAM },
  hidream_o1: HIDREAM_O1,
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

/** Architectures of the trainer that need more than pictures with captions, or that it cannot train well itself. */
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
  'krea2:o_edit': 'it learns from pairs of pictures',
  'krea2:o_edit_turbo': 'it learns from pairs of pictures',
  ideogram4: 'its prompts are JSON documents, which captions are not',
  pixart: 'it is a transformer that predicts noise, and the trainer has no settings for such',
  // toolkit/config_modules.py sets `is_pixart_sigma` only, and the loader asks for `is_pixart`.
  pixart_sigma: 'the loader of the trainer takes it for Stable Diffusion',
  // toolkit/stable_diffusion_model.py makes one number of the time steps of a batch.
  auraflow: 'the trainer can train it with one picture at a time only',
  'f-lite': 'the trainer has no settings for it',
  ace_step_15: 'it learns from sound',
  ace_step_15_xl: 'it learns from sound',
};
