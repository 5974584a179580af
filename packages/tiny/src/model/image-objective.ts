import { numpy as np, tree } from '@jax-js/jax';
import type { LoraContext } from './layers.js';
import { CAPTION_WIDTH, LATENT_WIDTH, predictPicture } from './image-model.js';
import { toArray } from './arrays.js';
import { normals, permutation, type Random } from '../random.js';
import type { Numbers } from '../safetensors.js';

/** Share of examples trained without caption, for classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598). */
const CAPTION_DROPOUT = 0.1;

export interface PictureExample {
  latent: Numbers;
  caption: Numbers;
}

/** Where training puts its effort. */
export interface NoiseFocus {
  /** Times are uniform to this power; above 1 favours noisy times, where the picture's layout is decided. */
  timeSkew: number;
  /**
   * Cap on the weight 1 / (1 − t)² that turns the picture's squared error into the velocity's: the grain of an almost clean
   * picture should not outweigh its content. Min-SNR's gamma (Hang et al. 2023, arXiv:2303.09556), carried over to flows.
   */
  weightCap: number;
}

/** Arrays of one step, owned by whoever runs the loss. */
export type ImageBatch = { clean: np.Array; noisy: np.Array; time: np.Array; caption: np.Array; lossWeight: np.Array };

/** Noise the examples. Times are stratified over the batch, so that the loss of a step varies little. */
export const imageBatch = (examples: readonly PictureExample[], random: Random, focus: NoiseFocus): ImageBatch => {
  const { timeSkew, weightCap } = focus;
  const count = examples.length;
  const size = LATENT_WIDTH;
  const clean = new Float32Array(count * size);
  const noisy = new Float32Array(count * size);
  const time = new Float32Array(count);
  const caption = new Float32Array(count * CAPTION_WIDTH);
  const lossWeight = new Float32Array(count);
  const strata = permutation(count, random);

  examples.forEach((example, i) => {
    const t = (((strata[i] as number) + random.uniform()) / count) ** timeSkew;
    const noise = normals(size, random);
    clean.set(example.latent, i * size);
    noisy.set(
      noise.map((value, k) => (1 - t) * value + t * (example.latent[k] as number)),
      i * size,
    );
    time[i] = t;
    if (random.uniform() >= CAPTION_DROPOUT) caption.set(example.caption, i * CAPTION_WIDTH);
    lossWeight[i] = Math.min((1 - t) ** -2, weightCap);
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
