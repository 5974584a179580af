import { readFile } from 'node:fs/promises';
import { EMPTY_REGISTRY, type ModelRegistry, ModelsFileError, parseModels } from '@influencerai/trainers';

/**
 * Reads `models.yaml`. Without a file the registry is empty, and the name of a model alone says who trains it.
 * @throws ModelsFileError
 */
export async function readModels(file: string | undefined): Promise<ModelRegistry> {
  return file === undefined ? EMPTY_REGISTRY : parseModels(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ModelsFileError(file, (error as Error).message, { cause: error });
  }
}

/** Injection token of the `ModelRegistry`. */
export const MODELS = Symbol('MODELS');
