import { Injectable } from '@nestjs/common';
import { AppError, type QueryAnswer, type QueryJob } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { JobArtifactsRepository, type StoredArtifact } from '../jobs/job-artifacts.repository.js';
import { JobsService } from '../jobs/jobs.service.js';
import { IndexSearches } from './index-searches.repository.js';
import { QueryEmbeddings } from './query-embeddings.repository.js';

/** Searches what jobs of the trainer `retrieval` have made. */
@Injectable()
export class RetrievalService {
  constructor(
    private readonly jobs: JobsService,
    private readonly artifacts: JobArtifactsRepository,
    private readonly searches: IndexSearches,
    private readonly embeddings: QueryEmbeddings,
  ) {}

  /**
   * @param gone the caller waits no longer
   * @throws AppError `job_not_found`, `index_not_ready`, `index_missing`, `runtime_busy`, `runtime_unavailable`
   */
  async query(caller: Principal, id: string, { query, limit }: QueryJob, gone: AbortSignal): Promise<QueryAnswer> {
    const { status, trainer } = await this.jobs.get(caller, id);
    if (trainer !== 'retrieval') throw new AppError('index_missing', { id });
    if (status !== 'completed') throw new AppError('index_not_ready', { id, status });
    // Only workers hand files of this kind in, whatever others are called.
    const [stored] = await this.artifacts.list(caller.tenantId, id, 'index');
    if (!stored) throw new AppError('index_missing', { id });
    const embedding = await this.embeddings.of(query, gone);
    const { mode, hits } = await this.searches.search({ jobId: id, stored }, { query, limit, embedding }, gone);
    return { mode, data: hits };
  }

  /** Opens an index, as a query would. @throws AppError as {@link query} does */
  async open(jobId: string, stored: StoredArtifact, signal: AbortSignal): Promise<void> {
    await this.searches.examine({ jobId, stored }, signal);
  }
}
