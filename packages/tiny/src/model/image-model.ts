import { nn, numpy as np } from '@jax-js/jax';
import { attention, feedForward, type LayerShape, linear, type LoraContext, normalize, weight } from './layers.js';
import type { Numbers } from '../safetensors.js';

/** Side of a picture in pixels. */
export const PICTURE_SIZE = 48;
export const PATCH_SIZE = 6;
/** Hash buckets of a caption. */
export const CAPTION_WIDTH = 512;
const PATCHES_PER_SIDE = PICTURE_SIZE / PATCH_SIZE;
export const PATCHES = PATCHES_PER_SIDE ** 2;
export const PATCH_WIDTH = PATCH_SIZE ** 2 * 3;
const TIME_WIDTH = 64;
export const IMAGE_WIDTH = 128;
const IMAGE_BLOCKS = 3;
const HEADS = 4;
/** The velocity divides by 1 − t; Li & He 2025 (arXiv:2511.13720) clip it the same way. */
export const MIN_NOISE = 0.05;

/** Linear layers of the denoiser; each has weight and bias in the base and takes a LoRA pair. */
export const IMAGE_LAYERS: readonly LayerShape[] = [
  { name: 'patch_in', inputs: PATCH_WIDTH, outputs: IMAGE_WIDTH },
  { name: 'time_embed', inputs: TIME_WIDTH, outputs: IMAGE_WIDTH },
  { name: 'caption_embed', inputs: CAPTION_WIDTH, outputs: IMAGE_WIDTH },
  ...Array.from({ length: IMAGE_BLOCKS }, (_, block): LayerShape[] => [
    { name: `blocks_${block}_modulation`, inputs: IMAGE_WIDTH, outputs: IMAGE_WIDTH * 6, startsAtZero: true },
    { name: `blocks_${block}_attn_qkv`, inputs: IMAGE_WIDTH, outputs: IMAGE_WIDTH * 3 },
    { name: `blocks_${block}_attn_out`, inputs: IMAGE_WIDTH, outputs: IMAGE_WIDTH },
    { name: `blocks_${block}_mlp_in`, inputs: IMAGE_WIDTH, outputs: IMAGE_WIDTH * 4 },
    { name: `blocks_${block}_mlp_out`, inputs: IMAGE_WIDTH * 4, outputs: IMAGE_WIDTH },
  ]).flat(),
  { name: 'final_modulation', inputs: IMAGE_WIDTH, outputs: IMAGE_WIDTH * 2, startsAtZero: true },
  { name: 'patch_out', inputs: IMAGE_WIDTH, outputs: PATCH_WIDTH, startsAtZero: true },
];
/** Weights besides the linear layers. */
export const IMAGE_EXTRAS: Readonly<Record<string, readonly number[]>> = { positions: [PATCHES, IMAGE_WIDTH] };

/** What one pass sees: pictures as patches [n, PATCHES, PATCH_WIDTH], times [n] (0 noise … 1 picture), captions [n, CAPTION_WIDTH]. */
export interface NoisyPictures {
  noisy: np.Array;
  time: np.Array;
  caption: np.Array;
}

/**
 * A diffusion transformer (Peebles & Xie 2022) that predicts the clean picture from a noisy one; large patches work since the
 * prediction is the picture, not the noise (Li & He 2025). Consumes the input, not the weights.
 * @returns clean patches, shaped as `noisy`
 */
export const predictPicture = (context: LoraContext, { noisy, time, caption }: NoisyPictures): np.Array => {
  const condition = nn.silu(linear(context, 'time_embed', timeFeatures(time)).add(linear(context, 'caption_embed', caption)));
  let x = linear(context, 'patch_in', noisy).add(weight(context.base, 'positions'));
  for (let block = 0; block < IMAGE_BLOCKS; block += 1) {
    const [shift1, scale1, gate1, shift2, scale2, gate2] = modulation(context, `blocks_${block}_modulation`, condition.ref, 6);
    const attended = attention(context, `blocks_${block}_attn`, modulate(normalize(x.ref), shift1, scale1), { heads: HEADS, isCausal: false });
    x = x.add(attended.mul(gate1 as np.Array));
    const fed = feedForward(context, `blocks_${block}_mlp`, modulate(normalize(x.ref), shift2, scale2));
    x = x.add(fed.mul(gate2 as np.Array));
  }
  const [shift, scale] = modulation(context, 'final_modulation', condition, 2);
  return linear(context, 'patch_out', modulate(normalize(x), shift, scale));
};

/** Sine and cosine of the time at TIME_WIDTH / 2 frequencies, [n] → [n, TIME_WIDTH]. */
const timeFeatures = (time: np.Array): np.Array => {
  const half = TIME_WIDTH / 2;
  const frequencies = np.array(Float32Array.from({ length: half }, (_, i) => 1000 ** (i / (half - 1))));
  const angles = time.reshape([-1, 1]).mul(frequencies);
  return np.concatenate([np.sin(angles.ref), np.cos(angles)], -1);
};

const modulation = (context: LoraContext, layer: string, condition: np.Array, parts: number): np.Array[] => {
  const [batch, width] = condition.shape as [number, number];
  return np.split(linear(context, layer, condition).reshape([batch, 1, width * parts]), parts, -1);
};

const modulate = (x: np.Array, shift: np.Array | undefined, scale: np.Array | undefined): np.Array =>
  x.mul((scale as np.Array).add(1)).add(shift as np.Array);

/** Pixels of one picture in [−1, 1], row by row RGB → patches, row by row. */
export const toPatches = (pixels: ArrayLike<number>): Numbers => {
  const patches = new Float32Array(pixels.length);
  forEachPixel((pixel, patch) => {
    patches[patch] = pixels[pixel] ?? 0;
  });
  return patches;
};

/** The reverse of {@link toPatches}. */
export const fromPatches = (patches: ArrayLike<number>): Numbers => {
  const pixels = new Float32Array(patches.length);
  forEachPixel((pixel, patch) => {
    pixels[pixel] = patches[patch] ?? 0;
  });
  return pixels;
};

const forEachPixel = (visit: (pixel: number, patch: number) => void): void => {
  for (let y = 0; y < PICTURE_SIZE; y += 1) {
    for (let x = 0; x < PICTURE_SIZE; x += 1) {
      const patch = Math.floor(y / PATCH_SIZE) * PATCHES_PER_SIDE + Math.floor(x / PATCH_SIZE);
      const inside = (y % PATCH_SIZE) * PATCH_SIZE + (x % PATCH_SIZE);
      for (let channel = 0; channel < 3; channel += 1) {
        visit((y * PICTURE_SIZE + x) * 3 + channel, (patch * PATCH_SIZE ** 2 + inside) * 3 + channel);
      }
    }
  }
};
