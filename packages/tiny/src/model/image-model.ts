import { numpy as np } from '@jax-js/jax';
import { feedForward, type LayerShape, linear, type LoraContext, normalize, silu } from './layers.js';

/** Coefficients that the codec keeps of a picture: what the denoiser works on. */
export const LATENT_WIDTH = 224;
/** Hash buckets of a caption. */
export const CAPTION_WIDTH = 512;
const TIME_WIDTH = 64;
const WIDTH = 256;
const HIDDEN = 768;
const BLOCKS = 3;
/** The velocity divides by 1 − t; Li & He 2025 (arXiv:2511.13720) clip it the same way. */
export const MIN_NOISE = 0.05;

/** Linear layers of the denoiser; each has weight and bias in the base and takes a LoRA pair. */
export const IMAGE_LAYERS: readonly LayerShape[] = [
  { name: 'latent_in', inputs: LATENT_WIDTH, outputs: WIDTH },
  { name: 'time_embed', inputs: TIME_WIDTH, outputs: WIDTH },
  { name: 'caption_embed', inputs: CAPTION_WIDTH, outputs: WIDTH },
  ...Array.from({ length: BLOCKS }, (_, block): LayerShape[] => [
    { name: `blocks_${block}_condition`, inputs: WIDTH, outputs: WIDTH },
    { name: `blocks_${block}_in`, inputs: WIDTH, outputs: HIDDEN },
    { name: `blocks_${block}_out`, inputs: HIDDEN, outputs: WIDTH },
  ]).flat(),
  { name: 'latent_out', inputs: WIDTH, outputs: LATENT_WIDTH, startsAtZero: true },
];

/** What one pass sees: latents [n, LATENT_WIDTH], times [n] (0 noise … 1 picture), captions [n, CAPTION_WIDTH]. */
export interface NoisyPictures {
  noisy: np.Array;
  time: np.Array;
  caption: np.Array;
}

/**
 * A residual MLP over the picture's latent that predicts the clean latent from a noisy one. One vector a picture instead of
 * one a patch: coherent pictures after minutes on a CPU. The network adds to the best linear guess for data of unit size,
 * scaled to unit size itself (Karras et al. 2022, arXiv:2206.00364, table 1). Consumes the input, not the weights.
 * @returns clean latents, shaped as `noisy`
 */
export const predictPicture = (context: LoraContext, { noisy, time, caption }: NoisyPictures): np.Array => {
  const t = time.ref.reshape([-1, 1]);
  const remaining = np.subtract(1, t.ref);
  const variance = np.square(t.ref).add(np.square(remaining.ref));
  const guess = noisy.ref.mul(t).div(variance.ref);

  const condition = silu(
    linear(context, 'time_embed', timeFeatures(time)).add(linear(context, 'caption_embed', caption)),
  );
  let x = linear(context, 'latent_in', noisy.div(np.sqrt(variance.ref)));
  for (let block = 0; block < BLOCKS; block += 1) {
    const conditioned = normalize(x.ref).add(linear(context, `blocks_${block}_condition`, condition.ref));
    x = x.add(feedForward(context, `blocks_${block}`, conditioned));
  }
  condition.dispose();
  const correction = linear(context, 'latent_out', normalize(x)).mul(remaining.div(np.sqrt(variance)));
  return guess.add(correction);
};

/** Sine and cosine of the time at TIME_WIDTH / 2 frequencies, [n] → [n, TIME_WIDTH]. */
const timeFeatures = (time: np.Array): np.Array => {
  const half = TIME_WIDTH / 2;
  const frequencies = np.array(Float32Array.from({ length: half }, (_, i) => 100 ** (i / (half - 1))));
  const angles = time.reshape([-1, 1]).mul(frequencies);
  return np.concatenate([np.sin(angles.ref), np.cos(angles)], -1);
};
