import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { FAMILIES } from '../kohya/families.js';
import { describeIssues } from './describe-issues.js';
import type { ModelEntry } from './model-entry.js';
import { ModelRegistrySchema, type ModelRegistry } from './model-registry.js';

/** The registry of models cannot be used; the message names the file, the entry and what is allowed. */
export class ModelsFileError extends Error {
  override readonly name = 'ModelsFileError';

  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}, as MODELS_FILE names it: ${problem}`, options);
  }
}

/**
 * The registry that the text of a `models.yaml` is.
 * @param file where the text was read; relative paths in it start at its folder
 * @throws ModelsFileError
 */
export const parseModels = (text: string, file: string): ModelRegistry => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const parsed = ModelRegistrySchema.safeParse(toData(document, file));
  if (!parsed.success) {
    throw new ModelsFileError(file, `not usable.\n${describeIssues(document, lines, parsed.error.issues)}`);
  }
  const entries = Object.entries(parsed.data.models);
  return { models: Object.fromEntries(entries.map(([name, entry]) => [name, fromFolder(entry, dirname(file))])) };
};

const toData = (document: Document, file: string): unknown => {
  const [fault] = document.errors;
  if (fault) throw new ModelsFileError(file, fault.message, { cause: fault });
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new ModelsFileError(file, error instanceof Error ? error.message : 'not YAML', { cause: error });
  }
};

/** Keys of an entry that are no paths. */
const PLAIN = new Set(['trainer', 'family', 'arch']);
/** Keys that a trainer may look up on the hub. */
const HUB_KEYS = new Set(['model', 'vae']);

/** Relative paths start at the registry's folder; `namespace/name` stays a hub id where the key may hold one. */
const fromFolder = (entry: ModelEntry, folder: string): ModelEntry =>
  Object.fromEntries(
    Object.entries(entry).map(([key, value]) => {
      if (typeof value !== 'string' || PLAIN.has(key)) return [key, value];
      return [key, takesHubId(entry, key) && isHubId(value) ? value : resolve(folder, value)];
    }),
  ) as ModelEntry;

/** What diffusers and transformers load may come from the hub; kohya's flow models and all other keys are files. */
const takesHubId = (entry: ModelEntry, key: string): boolean =>
  HUB_KEYS.has(key) && (entry.trainer !== 'kohya' || FAMILIES[entry.family].takesHubId);

const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

const isHubId = (value: string): boolean =>
  HUB_ID.test(value) && !/\.(safetensors|sft|ckpt|bin|pth?|gguf)$/.test(value);
