import { Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { IndexSearches } from './index-searches.repository.js';
import { QueryEmbeddings } from './query-embeddings.repository.js';
import { RetrievalController } from './retrieval.controller.js';
import { RetrievalService } from './retrieval.service.js';

@Module({
  imports: [JobsModule],
  controllers: [RetrievalController],
  providers: [RetrievalService, IndexSearches, QueryEmbeddings],
  exports: [RetrievalService],
})
export class RetrievalModule {}
