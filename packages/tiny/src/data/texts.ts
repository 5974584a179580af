import { numpy as np } from '@jax-js/jax';
import { CONTEXT, type TextBatch } from '../model/text-model.js';
import { toArray } from '../model/arrays.js';
import type { Random } from '../random.js';

/** Ends a text, and starts the next: what a sample stops at. */
export const END_OF_TEXT = 0;

export const toBytes = (text: string): Uint8Array => Uint8Array.of(END_OF_TEXT, ...new TextEncoder().encode(text), END_OF_TEXT);

/** A random window of each text, padded after its end. */
export const textBatch = (texts: readonly Uint8Array[], random: Random): TextBatch => {
  const count = texts.length;
  const input = new Int32Array(count * CONTEXT);
  const target = new Int32Array(count * CONTEXT);
  const counted = new Float32Array(count * CONTEXT);
  texts.forEach((text, row) => {
    const start = random.below(Math.max(1, text.length - CONTEXT));
    const length = Math.min(CONTEXT, text.length - 1 - start);
    for (let i = 0; i < length; i += 1) {
      input[row * CONTEXT + i] = text[start + i] as number;
      target[row * CONTEXT + i] = text[start + i + 1] as number;
      counted[row * CONTEXT + i] = 1;
    }
  });
  return {
    input: np.array(input).reshape([count, CONTEXT]),
    target: np.array(target).reshape([count, CONTEXT]),
    counted: toArray(counted, [count, CONTEXT]),
  };
};
