import { Module } from '@nestjs/common';
import { BaseModelsModule } from '../../base-models/base-models.module.js';
import { HealthModule } from '../../health/health.module.js';
import { NumbersModule } from '../../numbers/numbers.module.js';
import { ProjectsModule } from '../../projects/projects.module.js';
import { TrainingDefaultsModule } from '../../training-defaults/training-defaults.module.js';
import { ManagerHealthController } from './manager-health.controller.js';
import { ManagerProjectChecksController } from './manager-project-checks.controller.js';
import { ManagerProjectsController } from './manager-projects.controller.js';
import { ManagerProjects } from './manager-projects.reader.js';

@Module({
  imports: [BaseModelsModule, HealthModule, NumbersModule, ProjectsModule, TrainingDefaultsModule],
  controllers: [ManagerHealthController, ManagerProjectChecksController, ManagerProjectsController],
  providers: [ManagerProjects],
})
export class ManagerModule {}
