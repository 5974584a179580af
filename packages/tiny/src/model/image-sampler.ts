import { jit, type numpy as np, tree } from '@jax-js/jax';
import { keyedRandom, normals } from '../random.js';
import { readNumbers, toArray } from './arrays.js';
import { CAPTION_WIDTH, LATENT_WIDTH, MIN_NOISE, predictPicture } from './image-model.js';
import type { Weights } from './layers.js';
import type { Numbers } from '../safetensors.js';

const EULER_STEPS = 25;
const GUIDANCE = 1.6;

export type ImageSampler = (options: {
  base: Weights;
  lora: Weights;
  caption: Numbers;
  seed: number;
}) => Promise<Numbers>;

/**
 * Euler integration of the learned flow from noise to latent with classifier-free guidance. Compiles once per sampler;
 * borrows the weights.
 */
export const createImageSampler = (scale: (layer: string) => number): ImageSampler => {
  const predict = jit((base: Weights, lora: Weights, noisy: np.Array, time: np.Array, caption: np.Array) => {
    const clean = predictPicture({ base, lora, scale }, { noisy, time, caption });
    tree.dispose(base);
    tree.dispose(lora);
    return clean;
  });

  return async ({ base, lora, caption, seed }) => {
    const size = LATENT_WIDTH;
    const captions = new Float32Array(2 * CAPTION_WIDTH);
    captions.set(caption);
    let x = normals(size, keyedRandom('sample', seed));
    for (let step = 0; step < EULER_STEPS; step += 1) {
      const t = step / EULER_STEPS;
      const pair = new Float32Array(2 * size);
      pair.set(x);
      pair.set(x, size);
      const clean = await readNumbers(
        predict(
          tree.ref(base),
          tree.ref(lora),
          toArray(pair, [2, LATENT_WIDTH]),
          toArray(Float32Array.of(t, t), [2]),
          toArray(captions, [2, CAPTION_WIDTH]),
        ),
      );
      x = x.map((value, i) => {
        const guided = (clean[size + i] as number) + GUIDANCE * ((clean[i] as number) - (clean[size + i] as number));
        return value + (guided - value) / Math.max(1 - t, MIN_NOISE) / EULER_STEPS;
      });
    }
    return x;
  };
};
