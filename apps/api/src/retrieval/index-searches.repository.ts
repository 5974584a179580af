import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { SearchAnswer, SearchRequest } from '@influencerai/retrieval';
import { z } from 'zod';
import { CONFIG, type Config } from '../env.js';
import { Turns } from '../http/turns.js';
import { Storage } from '../storage/storage.js';
import { IndexCache, type JobIndex } from './index-cache.js';
import { runSearch, unavailable } from './search-program.js';

const AnswerSchema = z.object({
  mode: z.enum(['text', 'hybrid']),
  hits: z.array(z.object({ row: z.int(), text: z.string(), score: z.number() })),
});

/** Indexes on this host, and the processes that search them. */
@Injectable()
export class IndexSearches implements OnApplicationShutdown {
  private readonly turns: Turns;
  private readonly cache: IndexCache;

  constructor(@Inject(CONFIG) { retrieval }: Pick<Config, 'retrieval'>, storage: Storage) {
    this.turns = new Turns('retrieval', retrieval.slots);
    this.cache = new IndexCache(storage, retrieval.cacheBytes);
  }

  /** @throws AppError `index_missing`, `runtime_busy`, `runtime_unavailable` */
  search(index: JobIndex, asked: Omit<SearchRequest, 'file'>, signal: AbortSignal): Promise<SearchAnswer> {
    return this.run(index, asked, signal).then(readAnswer);
  }

  /** Opens it, and finds what it was made with. @throws as {@link search} does */
  async examine(index: JobIndex, signal: AbortSignal): Promise<void> {
    await this.run(index, {}, signal);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.cache.remove();
  }

  private run(index: JobIndex, asked: object, signal: AbortSignal): Promise<string> {
    const work = (file: string) => runSearch({ ...asked, file }, signal);
    return this.turns.run(() => this.cache.use({ index, signal }, work), signal);
  }
}

function readAnswer(text: string): SearchAnswer {
  try {
    return AnswerSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unavailable('The index cannot be read.', error);
  }
}
