import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';
import { JobArtifactsRepository } from '../jobs/job-artifacts.repository.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { Storage } from '../storage/storage.js';
import { AdapterServingController } from './adapter-serving.controller.js';
import { AdapterServingService } from './adapter-serving.service.js';
import { AdapterSweeper } from './adapter-sweeper.js';
import { AdaptersController } from './adapters.controller.js';
import { AdaptersRepository } from './adapters.repository.js';
import { AdaptersService } from './adapters.service.js';
import { createRuntimes } from './serving/create-runtimes.js';
import { RuntimeLock } from './serving/runtime-lock.repository.js';
import { ServingRuntimes } from './serving/serving-runtimes.js';
import { StagedAdapters } from './serving/staged-adapters.repository.js';

const runtimes = {
  provide: ServingRuntimes,
  inject: [CONFIG, StagedAdapters, RuntimeLock, JobArtifactsRepository, Storage],
  useFactory: (
    { serving }: Config,
    staged: StagedAdapters,
    lock: RuntimeLock,
    artifacts: JobArtifactsRepository,
    storage: Storage,
  ): ServingRuntimes => createRuntimes(serving, { staged, lock, artifacts, storage }),
};

@Module({
  imports: [JobsModule],
  controllers: [AdaptersController, AdapterServingController],
  providers: [
    AdaptersRepository,
    AdaptersService,
    AdapterServingService,
    AdapterSweeper,
    StagedAdapters,
    RuntimeLock,
    runtimes,
  ],
  exports: [AdaptersService, AdapterServingService],
})
export class AdaptersModule {}
