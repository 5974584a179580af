import { EMPTY_REGISTRY, ModelsFileError, parseModels, type ModelRegistry } from '@influencerai/trainers';
import { readFile } from 'node:fs/promises';

/**
 * Reads `models.yaml`. Without a file the registry is empty.
 * @throws ModelsFileError
 */
export const readModelsFile = async (file: string | undefined): Promise<ModelRegistry> =>
  file ? parseModels(await readText(file), file) : EMPTY_REGISTRY;

const readText = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ModelsFileError(file, error instanceof Error ? error.message : 'unreadable', { cause: error });
  }
};
