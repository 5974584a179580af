import { hashText } from '../random.js';
import type { Numbers } from '../safetensors.js';

const HASHES_PER_WORD = 4;
/** Long captions are scaled down to this length, that of 16 words. */
const LONGEST = 8;

/**
 * A caption as a bag of words, each word hashed to four signed buckets (feature hashing, Weinberger et al. 2009,
 * arXiv:0902.2206). Unknown words, such as a trigger word, get a vector of their own that a LoRA can learn.
 * @returns `width` numbers; all zero for an empty caption, which stands for "no condition"
 */
export const embedCaption = (caption: string, width: number): Numbers => {
  const vector = new Float32Array(width);
  const words = new Set(caption.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}-]*/gu) ?? []);
  for (const word of words) {
    for (let hash = 0; hash < HASHES_PER_WORD; hash += 1) {
      const code = hashText(`${hash}:${word}`);
      const bucket = (code >>> 1) % width;
      vector[bucket] = (vector[bucket] ?? 0) + (code & 1 ? 1 : -1);
    }
  }
  const length = Math.hypot(...vector);
  return length <= LONGEST ? vector : vector.map((value) => (value / length) * LONGEST);
};
