import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TrainerError } from '../errors.js';
import { decodeSafetensors, type Tensors } from '../safetensors.js';

export type Kind = 'image' | 'text';
export const BASE_MODELS: Record<Kind, string> = { image: 'tiny-image-v1', text: 'tiny-text-v1' };

/** Frozen weights that ship with the package. Works from `src` and from `dist`. */
export const readBase = async (kind: Kind): Promise<Tensors> => {
  const path = fileURLToPath(new URL(`../../base/${kind}.safetensors`, import.meta.url));
  try {
    return decodeSafetensors(await readFile(path)).tensors;
  } catch (error) {
    throw new TrainerError(
      'base_unreadable',
      `Base model ${path} cannot be read: ${(error as Error).message}`,
      'Install the package again.',
    );
  }
};
