import { EMPTY_REGISTRY, ModelRegistrySchema, type ModelEntry, type ModelRegistry } from '@influencerai/trainers';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** The registry of models cannot be used; the message names the file, the entry and what is allowed. */
export class ModelsFileError extends Error {
  override readonly name = 'ModelsFileError';
}

/**
 * Reads `models.yaml`. Without a file the registry is empty.
 * @throws ModelsFileError
 */
export const readModelsFile = async (file: string | undefined): Promise<ModelRegistry> => {
  if (!file) return EMPTY_REGISTRY;
  const parsed = ModelRegistrySchema.safeParse(await readYaml(file));
  if (!parsed.success) throw new ModelsFileError(`${file}, as MODELS_FILE names it:\n${z.prettifyError(parsed.error)}`);
  const entries = Object.entries(parsed.data.models);
  return { models: Object.fromEntries(entries.map(([name, entry]) => [name, fromFolder(entry, dirname(file))])) };
};

const readYaml = async (file: string): Promise<unknown> => {
  try {
    return parse(await readFile(file, 'utf8'), { maxAliasCount: 0 }) as unknown;
  } catch (error) {
    throw new ModelsFileError(
      `${file}, as MODELS_FILE names it: ${error instanceof Error ? error.message : 'unreadable'}`,
    );
  }
};

/** Keys of an entry that are no paths. */
const PLAIN = new Set(['trainer', 'family', 'arch']);

/** Relative paths start at the registry's folder; `namespace/name` stays the hub id that it is. */
const fromFolder = (entry: ModelEntry, folder: string): ModelEntry =>
  Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      typeof value === 'string' && !PLAIN.has(key) ? toPath(value, folder) : value,
    ]),
  ) as ModelEntry;

const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

const toPath = (value: string, folder: string): string =>
  isAbsolute(value) || (HUB_ID.test(value) && !/\.(safetensors|ckpt|pth?|gguf)$/.test(value))
    ? value
    : resolve(folder, value);
