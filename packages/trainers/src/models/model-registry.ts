import { z } from 'zod';
import { ModelEntrySchema, type ModelEntry } from './model-entry.js';

/** `models.yaml`: the names that tenants write, with what an operator has for them. */
export const ModelRegistrySchema = z.strictObject({
  models: z.record(z.string().min(1).max(200), ModelEntrySchema),
});
export type ModelRegistry = z.infer<typeof ModelRegistrySchema>;

export const EMPTY_REGISTRY: ModelRegistry = { models: {} };

/** The entry of a model; case and surrounding space do not matter. */
export const findModel = ({ models }: ModelRegistry, name: string): ModelEntry | undefined => {
  const wanted = normalise(name);
  return Object.entries(models).find(([known]) => normalise(known) === wanted)?.[1];
};

const normalise = (name: string): string => name.trim().toLowerCase();
