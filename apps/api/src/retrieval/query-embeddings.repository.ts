import { Inject, Injectable, Logger } from '@nestjs/common';
import { embed, EmbeddingError, type SearchRequest } from '@influencerai/retrieval';
import { CONFIG, type Config } from '../env.js';

const TIMEOUT_MS = 5000;

/** Vectors of queries, from the endpoint that the operator configured. */
@Injectable()
export class QueryEmbeddings {
  private readonly logger = new Logger(QueryEmbeddings.name);

  constructor(@Inject(CONFIG) private readonly config: Pick<Config, 'retrieval'>) {}

  /** Undefined where there is no endpoint, or it does not answer: words are searched without it. */
  async of(query: string, signal: AbortSignal): Promise<SearchRequest['embedding']> {
    const { embeddings } = this.config.retrieval;
    if (!embeddings) return undefined;
    try {
      const [vector] = await embed(embeddings, [query], { signal, attempts: 1, timeoutMs: TIMEOUT_MS });
      return vector && { model: embeddings.model, vector: [...vector] };
    } catch (error) {
      if (!(error instanceof EmbeddingError)) throw error;
      this.logger.warn({ err: error }, 'A query is searched by its words alone.');
      return undefined;
    }
  }
}
