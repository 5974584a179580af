import { z } from 'zod';
import type { EmbeddingEndpoint } from './embeddings.js';

const EnvSchema = z.object({
  EMBEDDINGS_URL: z.url().optional(),
  EMBEDDINGS_MODEL: z.string().optional(),
  EMBEDDINGS_API_KEY: z.string().optional(),
});

/** The endpoint that the worker's operator configured; undefined for an index of words alone. */
export const readEndpoint = (): EmbeddingEndpoint | undefined => {
  const { EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: model, EMBEDDINGS_API_KEY: apiKey } = EnvSchema.parse(process.env);
  return url !== undefined && model !== undefined ? { url, model, apiKey } : undefined;
};
