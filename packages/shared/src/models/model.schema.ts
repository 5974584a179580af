import { z } from 'zod';

/** Where a base model comes from: with the service, from the operator's `models.yaml`, or from the cache of the hub. */
export const MODEL_SOURCES = ['built-in', 'registry', 'cache'] as const;

export const ModelSchema = z
  .object({
    name: z.string().describe('What to write as `modelName` or `baseModel`.'),
    source: z
      .enum(MODEL_SOURCES)
      .describe(
        "`built-in`, `registry` (the operator's `models.yaml`) or `cache` (of the Hugging Face hub, on this host).",
      ),
  })
  .meta({ example: { name: 'meta-llama/Llama-3.2-3B-Instruct', source: 'cache' } });
export type Model = z.infer<typeof ModelSchema>;

export const ModelListSchema = z.object({ data: z.array(ModelSchema) });
export type ModelList = z.infer<typeof ModelListSchema>;
