import { numpy as np, tree } from '@jax-js/jax';
import type { LoraContext } from './layers.js';
import { CAPTION_WIDTH, LATENT_WIDTH, MIN_NOISE, predictPicture } from './image-model.js';
import { toArray } from './arrays.js';
import { normals, permutation, type Random } from '../random.js';
import type { Numbers } from '../safetensors.js';

/** Share of examples trained without caption, for classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598). */
const CAPTION_DROPOUT = 0.1;
/** Above 1 favours noisy times, where the picture's layout is decided. */
const TIME_SKEW = 1.3;

export interface PictureExample {
  latent: Numbers;
  caption: Numbers;
}

/** Arrays of one step, owned by whoever runs the loss. */
export type ImageBatch = { clean: np.Array; noisy: np.Array; time: np.Array; caption: np.Array; lossWeight: np.Array };

/**
 * Noise the examples. Times are stratified over the batch, so that the loss of a step varies little.
 * @param minSnrGamma weigh by min(SNR, gamma) instead of the velocity's 1 / (1 − t)² (Hang et al. 2023, arXiv:2303.09556)
 */
export const imageBatch = (examples: readonly PictureExample[], random: Random, minSnrGamma?: number): ImageBatch => {
  const count = examples.length;
  const size = LATENT_WIDTH;
  const clean = new Float32Array(count * size);
  const noisy = new Float32Array(count * size);
  const time = new Float32Array(count);
  const caption = new Float32Array(count * CAPTION_WIDTH);
  const lossWeight = new Float32Array(count);
  const strata = permutation(count, random);

  examples.forEach((example, i) => {
    const t = (((strata[i] as number) + random.uniform()) / count) ** TIME_SKEW;
    const noise = normals(size, random);
    clean.set(example.latent, i * size);
    noisy.set(noise.map((value, k) => (1 - t) * value + t * (example.latent[k] as number)), i * size);
    time[i] = t;
    if (random.uniform() >= CAPTION_DROPOUT) caption.set(example.caption, i * CAPTION_WIDTH);
    const remaining = Math.max(1 - t, MIN_NOISE);
    lossWeight[i] = minSnrGamma === undefined ? 1 / remaining ** 2 : Math.min((t / remaining) ** 2, minSnrGamma);
  });

  return {
    clean: toArray(clean, [count, LATENT_WIDTH]),
    noisy: toArray(noisy, [count, LATENT_WIDTH]),
    time: toArray(time, [count]),
    caption: toArray(caption, [count, CAPTION_WIDTH]),
    lossWeight: toArray(lossWeight, [count, 1]),
  };
};

/**
 * Flow matching (Lipman et al. 2022, arXiv:2210.02747) on the line noise → picture; with the usual weight, the squared error
 * of the velocity. Consumes weights and batch.
 */
export const imageLoss = (context: LoraContext, batch: ImageBatch): np.Array => {
  const { clean, noisy, time, caption, lossWeight } = batch;
  const predicted = predictPicture(context, { noisy, time, caption });
  tree.dispose(context.lora);
  tree.dispose(context.base);
  return np.square(predicted.sub(clean)).mul(lossWeight).mean();
};
