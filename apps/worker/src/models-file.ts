import { AppError, type TrainingSpec } from '@influencerai/shared';
import {
  EMPTY_REGISTRY,
  findModel,
  ModelsFileError,
  parseModels,
  type ModelEntry,
  type ModelRegistry,
  type Trainer,
} from '@influencerai/trainers';
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

export interface Offered {
  models: ModelRegistry;
  /** Whether jobs may train models of the hub that the registry does not name. */
  isHubOpen: boolean;
}

/**
 * What the registry says of the base model of a job; undefined for one of the hub.
 * @throws AppError `model_unavailable` where this worker trains none of those
 */
export const offeredModel = (
  { models, isHubOpen }: Offered,
  { usesHub }: Trainer,
  { baseModel }: TrainingSpec,
): ModelEntry | undefined => {
  const model = findModel(models, baseModel);
  if (model !== undefined || !usesHub || isHubOpen) return model;
  const reason = 'it trains those of its registry alone (HUB_MODELS)';
  throw new AppError('model_unavailable', { model: baseModel, reason });
};
