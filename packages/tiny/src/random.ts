import type { Numbers } from './safetensors.js';

/** Random numbers as a pure function of a key, so that a resumed run draws what the unbroken one would have drawn. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** Integer in [0, bound). */
  below(bound: number): number;
}

/** A generator for one purpose: the same parts give the same numbers, in any process. */
export const keyedRandom = (...parts: readonly (number | string)[]): Random => {
  let state = hashText(parts.join('/'));
  let spare: number | undefined;

  const uniform = (): number => {
    // mulberry32, Tommy Ettinger, public domain.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  return { uniform, normal, below: (bound) => Math.floor(uniform() * bound) };
};

/** FNV-1a over UTF-16 code units, 32 bits, with a final avalanche. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
};

/** Fisher–Yates permutation of 0 … count − 1. */
export const permutation = (count: number, random: Random): number[] => {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
};

/** Standard normal numbers. */
export const normals = (length: number, random: Random): Numbers =>
  Float32Array.from({ length }, () => random.normal());
