import { numpy as np } from '@jax-js/jax';
import { readNumbers, toArray } from '../model/arrays.js';
import { PICTURE_NUMBERS } from '../model/codec.js';
import { LATENT_WIDTH } from '../model/image-model.js';
import { keyedRandom, normals } from '../random.js';
import type { Numbers, Tensors } from '../safetensors.js';

const ITERATIONS = 6;

/**
 * Principal components of pictures by subspace iteration (Halko et al. 2011, arXiv:0909.4061). Latents are divided by the
 * square root of each component's deviation: large components stay larger, small ones are not drowned in noise.
 */
export const fitCodec = async (pictures: readonly Numbers[], seed: number): Promise<Tensors> => {
  const count = pictures.length;
  const mean = new Float32Array(PICTURE_NUMBERS);
  for (const picture of pictures) picture.forEach((value, i) => (mean[i] = (mean[i] as number) + value / count));
  const centred = new Float32Array(count * PICTURE_NUMBERS);
  pictures.forEach((picture, row) =>
    centred.set(
      picture.map((value, i) => value - (mean[i] as number)),
      row * PICTURE_NUMBERS,
    ),
  );

  const data = toArray(centred, [count, PICTURE_NUMBERS]);
  let basis = normals(LATENT_WIDTH * PICTURE_NUMBERS, keyedRandom('codec', seed));
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    orthonormalize(basis);
    const scores = np.matmul(data.ref, toArray(basis, [LATENT_WIDTH, PICTURE_NUMBERS]).transpose());
    basis = await readNumbers(np.matmul(scores.transpose(), data.ref));
  }
  orthonormalize(basis);
  const scores = await readNumbers(np.matmul(data, toArray(basis, [LATENT_WIDTH, PICTURE_NUMBERS]).transpose()));
  return {
    'codec.mean': { shape: [PICTURE_NUMBERS], data: mean },
    'codec.basis': { shape: [LATENT_WIDTH, PICTURE_NUMBERS], data: basis },
    'codec.scale': { shape: [LATENT_WIDTH], data: scales(scores, count) },
  };
};

/** Gram–Schmidt over rows, in place. */
const orthonormalize = (basis: Numbers): void => {
  const row = (k: number): Numbers => basis.subarray(k * PICTURE_NUMBERS, (k + 1) * PICTURE_NUMBERS);
  const dot = (a: Numbers, b: Numbers): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
    return sum;
  };
  for (let k = 0; k < LATENT_WIDTH; k += 1) {
    const current = row(k);
    for (let earlier = 0; earlier < k; earlier += 1) {
      const other = row(earlier);
      const overlap = dot(current, other);
      for (let i = 0; i < current.length; i += 1) current[i] = (current[i] as number) - overlap * (other[i] as number);
    }
    const length = Math.sqrt(dot(current, current));
    for (let i = 0; i < current.length; i += 1) current[i] = (current[i] as number) / length;
  }
};

/** Square root of each deviation, times one factor that makes the latents' mean square 1. */
const scales = (scores: Numbers, count: number): Numbers => {
  const deviations = Float32Array.from({ length: LATENT_WIDTH }, (_, k) => {
    let sum = 0;
    for (let row = 0; row < count; row += 1) sum += (scores[row * LATENT_WIDTH + k] as number) ** 2;
    return Math.sqrt(sum / count);
  });
  const meanDeviation = deviations.reduce((sum, value) => sum + value, 0) / LATENT_WIDTH;
  return deviations.map((value) => Math.sqrt(value * meanDeviation));
};
