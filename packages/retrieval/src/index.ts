import { fileURLToPath } from 'node:url';

export { type IndexConfig, IndexConfigSchema } from './config.js';
export { embed, EmbeddingError, type EmbeddingEndpoint, type EmbedOptions } from './embeddings.js';
export type { SearchAnswer, SearchHit, SearchRequest } from './search-request.js';

/** The program that a worker starts with `node`; the same path whether this module runs from `src` or `dist`. */
export const RETRIEVAL_PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The program that searches one index once. */
export const SEARCH_PROGRAM = fileURLToPath(new URL('../dist/search-main.js', import.meta.url));
