import { Module } from '@nestjs/common';
import { BaseModelsModule } from '../base-models/base-models.module.js';
import { DatasetMixesModule } from '../dataset-mixes/dataset-mixes.module.js';
import { DatasetsModule } from '../datasets/datasets.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { RetrievalModule } from '../retrieval/retrieval.module.js';
import { UploadsModule } from '../uploads/uploads.module.js';
import { ProjectRemovalsService } from './project-removals.service.js';
import { ProjectStartsService } from './project-starts.service.js';
import { ProjectValidationsService } from './project-validations.service.js';
import { ProjectsController } from './projects.controller.js';
import { ProjectsRepository } from './projects.repository.js';
import { ProjectsService } from './projects.service.js';
import { WeightsLoader } from './validation/weights-loader.js';

@Module({
  imports: [BaseModelsModule, DatasetMixesModule, DatasetsModule, JobsModule, RetrievalModule, UploadsModule],
  controllers: [ProjectsController],
  providers: [
    ProjectsRepository,
    ProjectsService,
    ProjectStartsService,
    ProjectRemovalsService,
    ProjectValidationsService,
    WeightsLoader,
  ],
  exports: [ProjectsService, ProjectStartsService, ProjectValidationsService],
})
export class ProjectsModule {}
