import { Module } from '@nestjs/common';
import { BaseModelsModule } from '../../base-models/base-models.module.js';
import { DatasetsModule } from '../../datasets/datasets.module.js';
import { FleetModule } from '../../fleet/fleet.module.js';
import { HealthModule } from '../../health/health.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { NumbersModule } from '../../numbers/numbers.module.js';
import { ProjectsModule } from '../../projects/projects.module.js';
import { RetrievalModule } from '../../retrieval/retrieval.module.js';
import { TrainingDefaultsModule } from '../../training-defaults/training-defaults.module.js';
import { UploadsModule } from '../../uploads/uploads.module.js';
import { ManagerConfigController } from './manager-config.controller.js';
import { ManagerDatasetsController } from './manager-datasets.controller.js';
import { WorkerPoolModule } from '../../worker-pool/worker-pool.module.js';
import { ManagerHealthController } from './manager-health.controller.js';
import { ManagerJobsController } from './manager-jobs.controller.js';
import { ManagerProjectChecksController } from './manager-project-checks.controller.js';
import { ManagerProjectsController } from './manager-projects.controller.js';
import { ManagerWorkersController } from './manager-workers.controller.js';
import { ManagerProjects } from './manager-projects.reader.js';
import { ManagerDatasets, ManagerJobs } from './manager.readers.js';

@Module({
  imports: [
    BaseModelsModule,
    DatasetsModule,
    FleetModule,
    HealthModule,
    JobsModule,
    NumbersModule,
    ProjectsModule,
    RetrievalModule,
    TrainingDefaultsModule,
    UploadsModule,
    WorkerPoolModule,
  ],
  controllers: [
    ManagerHealthController,
    ManagerDatasetsController,
    ManagerJobsController,
    ManagerConfigController,
    ManagerProjectChecksController,
    ManagerProjectsController,
    ManagerWorkersController,
  ],
  providers: [ManagerDatasets, ManagerJobs, ManagerProjects],
})
export class ManagerModule {}
