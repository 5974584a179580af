import type { LayerShape } from '../model/layers.js';
import { keyedRandom, normals } from '../random.js';
import type { Numbers, Tensors } from '../safetensors.js';

/** Fresh base weights: LeCun normal for matrices (zero where a layer starts silent), zero biases, small extras. */
export const initialWeights = (
  layers: readonly LayerShape[],
  extras: Readonly<Record<string, readonly number[]>>,
  seed: number,
): Tensors => {
  const weights: Tensors = {};
  for (const { name, inputs, outputs, startsAtZero = false } of layers) {
    const deviation = startsAtZero ? 0 : inputs ** -0.5;
    weights[`${name}.weight`] = { shape: [inputs, outputs], data: random(inputs * outputs, deviation, name, seed) };
    weights[`${name}.bias`] = { shape: [outputs], data: new Float32Array(outputs) };
  }
  for (const [name, shape] of Object.entries(extras)) {
    weights[name] = {
      shape,
      data: random(
        shape.reduce((a, b) => a * b, 1),
        0.1,
        name,
        seed,
      ),
    };
  }
  return weights;
};

const random = (length: number, deviation: number, name: string, seed: number): Numbers =>
  normals(length, keyedRandom('base', name, seed)).map((value) => value * deviation);
