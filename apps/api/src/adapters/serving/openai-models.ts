import { z } from 'zod';
import type { RuntimeClient } from './runtime-client.js';

const ModelsSchema = z.object({
  data: z.array(z.object({ id: z.string(), root: z.string().nullish(), parent: z.string().nullish() })),
});

export interface ServedModels {
  /** Ids and paths of the base models. */
  bases: ReadonlySet<string>;
  /** The id to ask the base by. */
  base: string | undefined;
  adapters: ReadonlySet<string>;
}

/** What `GET /v1/models` lists: bases, and adapters with their base as `parent`. */
export async function listModels(client: RuntimeClient, signal: AbortSignal): Promise<ServedModels> {
  const { data } = await client.get('/v1/models', ModelsSchema, signal);
  const bases = data.filter(({ parent }) => parent == null);
  return {
    bases: new Set(bases.flatMap(({ id, root }) => (root == null ? [id] : [id, root]))),
    base: bases[0]?.id,
    adapters: new Set(data.filter(({ parent }) => parent != null).map(({ id }) => id)),
  };
}
