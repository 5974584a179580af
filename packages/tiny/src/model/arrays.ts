import { init, numpy as np, defaultDevice } from '@jax-js/jax';
import type { Numbers, Tensors } from '../safetensors.js';
import type { Weights } from './layers.js';

/** Start the WebAssembly backend; must come before any array is made. */
export const startBackend = async (): Promise<void> => {
  await init('wasm');
  defaultDevice('wasm');
};

export const toArray = (data: Numbers, shape: readonly number[]): np.Array => np.array(data).reshape([...shape]);

/** Upload tensors. Each array carries one reference, which the caller owns. */
export const toWeights = (tensors: Tensors): Weights =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data, shape }]) => [name, toArray(data, shape)]));

/** Download arrays, which are consumed. */
export const readNumbers = async (array: np.Array): Promise<Numbers> => new Float32Array(await array.data());
