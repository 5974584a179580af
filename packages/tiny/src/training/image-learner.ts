import { tree } from '@jax-js/jax';
import type { TinyConfig } from '../config.js';
import { batchIndices } from '../data/batches.js';
import { embedCaption } from '../data/captions.js';
import { readPicture, renderPicture } from '../data/pictures.js';
import { TrainerError } from '../errors.js';
import { toWeights } from '../model/arrays.js';
import { readBase } from '../model/base-file.js';
import { type Codec, createCodec } from '../model/codec.js';
import { compileGradient } from '../model/gradient.js';
import { CAPTION_WIDTH, IMAGE_LAYERS } from '../model/image-model.js';
import { type ImageBatch, imageBatch, imageLoss, type PictureExample } from '../model/image-objective.js';
import { createImageSampler, type ImageSampler } from '../model/image-sampler.js';
import type { Weights } from '../model/layers.js';
import type { Lora } from '../model/lora.js';
import { keyedRandom } from '../random.js';
import type { Learner } from './learner.js';

/** Noise levels per picture and step: steadies the loss at a price the toy model can pay. */
const NOISE_LEVELS = 16;
/** Noisier than in pretraining: a few hundred steps are for composition and colour, the base knows the fine grain. */
const TIME_SKEW = 2;
const WEIGHT_CAP = 5;

type ImageConfig = Extract<TinyConfig, { kind: 'image' }>;

export const createImageLearner = async (config: ImageConfig): Promise<Learner> => {
  const { codec, base } = await readImageBase();
  const pictures = await Promise.all(config.dataset.images.map((image) => readExample(image, codec)));
  const { batchSize, seed, minSnrGamma } = config.training;
  const scale = (): number => config.network.alpha / config.network.dim;
  const gradient = compileGradient<ImageBatch>((lora, frozen, batch) =>
    imageLoss({ base: frozen, lora, scale }, batch),
  );
  const focus = { timeSkew: TIME_SKEW, weightCap: minSnrGamma ?? WEIGHT_CAP };
  const sampler = createImageSampler(scale);

  return {
    kind: 'image',
    layers: IMAGE_LAYERS,
    examples: pictures.length,
    step: (lora, step) => {
      const chosen = batchIndices({ seed, step, examples: pictures.length, batchSize }).map(
        (index) => pictures[index] as PictureExample,
      );
      const repeated = Array.from({ length: NOISE_LEVELS }, () => chosen).flat();
      return gradient(lora.tensors, base, imageBatch(repeated, keyedRandom('noise', seed, step), focus));
    },
    sample: async (lora, prompt, sampleSeed) => ({
      extension: 'png',
      content: await samplePicture({ sampler, base, codec, lora, prompt, seed: sampleSeed }),
    }),
  };
};

/** Paint one prompt as a PNG file's bytes. */
export const samplePicture = async (options: {
  sampler: ImageSampler;
  base: Weights;
  codec: Codec;
  lora: Lora;
  prompt: string;
  seed: number;
}): Promise<Uint8Array> => {
  const { sampler, base, codec, lora, prompt, seed } = options;
  const weights = toWeights(lora.tensors);
  const latent = await sampler({ base, lora: weights, caption: embedCaption(prompt, CAPTION_WIDTH), seed });
  tree.dispose(weights);
  return renderPicture(codec.decode(latent));
};

/** The frozen denoiser on the device, and the codec, which runs off it. */
export const readImageBase = async (): Promise<{ codec: Codec; base: Weights }> => {
  const tensors = await readBase('image');
  const isDenoiser = ([name]: [string, unknown]): boolean => !name.startsWith('codec.');
  return {
    codec: createCodec(tensors),
    base: toWeights(Object.fromEntries(Object.entries(tensors).filter(isDenoiser))),
  };
};

const readExample = async (
  { path, caption }: { path: string; caption: string },
  codec: Codec,
): Promise<PictureExample> => {
  try {
    return { latent: codec.encode(await readPicture(path)), caption: embedCaption(caption, CAPTION_WIDTH) };
  } catch (error) {
    throw new TrainerError(
      'dataset_unreadable',
      `Picture ${path} cannot be read: ${(error as Error).message}`,
      'Replace or remove the picture.',
    );
  }
};
