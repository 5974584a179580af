import { entryProblems, type ModelEntry } from '@influencerai/trainers';
import { access } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { readModelsFile } from '../models-file.js';
import type { ModelFinding, ModelsFinding } from './examination.js';

/** What `models.yaml` promises and this host lacks. */
export const lookAtModels = async (file: string | undefined): Promise<ModelsFinding> => {
  try {
    const { models } = await readModelsFile(file);
    const entries = await Promise.all(Object.entries(models).map(([name, entry]) => lookAtModel(name, entry)));
    return { file, entries };
  } catch (error) {
    return { file, entries: [], problem: error instanceof Error ? error.message : String(error) };
  }
};

/** Hub ids are left to the trainer, which downloads them; paths have to be there. */
const lookAtModel = async (name: string, entry: ModelEntry): Promise<ModelFinding> => {
  const paths = Object.values(entry).filter((value) => typeof value === 'string' && isAbsolute(value)) as string[];
  const found = await Promise.all(paths.map(isThere));
  const missing = paths.filter((_, index) => !found[index]);
  return { name, trainer: entry.trainer, missing, problems: entryProblems(entry) };
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
