import { jit, numpy as np, tree } from '@jax-js/jax';
import { END_OF_TEXT } from '../data/texts.js';
import { keyedRandom, type Random } from '../random.js';
import type { Numbers } from '../safetensors.js';
import { readNumbers } from './arrays.js';
import type { Weights } from './layers.js';
import { CONTEXT, predictBytes, VOCABULARY } from './text-model.js';

const MAX_BYTES = 160;
const TEMPERATURE = 0.6;

export type TextSampler = (options: {
  base: Weights;
  lora: Weights;
  prompt: string;
  seed: number;
  maxBytes?: number;
}) => Promise<string>;

/** Continue a prompt byte by byte until the end-of-text byte. Compiles once per sampler; borrows the weights. */
export const createTextSampler = (scale: (layer: string) => number): TextSampler => {
  const predict = jit((base: Weights, lora: Weights, input: np.Array) => {
    const logits = predictBytes({ base, lora, scale }, input);
    tree.dispose(base);
    tree.dispose(lora);
    return logits;
  });

  return async ({ base, lora, prompt, seed, maxBytes = MAX_BYTES }) => {
    const random = keyedRandom('sample', seed);
    const bytes = [END_OF_TEXT, ...new TextEncoder().encode(prompt)];
    for (let count = 0; count < maxBytes; count += 1) {
      const recent = bytes.slice(-CONTEXT);
      const input = new Int32Array(CONTEXT);
      input.set(recent);
      const logits = await readNumbers(predict(tree.ref(base), tree.ref(lora), np.array(input).reshape([1, CONTEXT])));
      const last = (recent.length - 1) * VOCABULARY;
      const next = draw(logits.subarray(last, last + VOCABULARY), random);
      if (next === END_OF_TEXT) break;
      bytes.push(next);
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes.slice(1)));
  };
};

const draw = (logits: Numbers, random: Random): number => {
  const highest = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp((logit - highest) / TEMPERATURE));
  let rest = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = weights.findIndex((weight) => (rest -= weight) < 0);
  return Math.max(0, chosen);
};
