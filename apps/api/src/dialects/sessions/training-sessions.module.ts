import { Module } from '@nestjs/common';
import { DatasetsModule } from '../../datasets/datasets.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { CreatedSessions, GrantedSessions } from './sessions.readers.js';
import { TrainingSessionLogsController } from './training-session-logs.controller.js';
import { TrainingSessionsController } from './training-sessions.controller.js';

@Module({
  imports: [DatasetsModule, JobsModule],
  controllers: [TrainingSessionsController, TrainingSessionLogsController],
  providers: [CreatedSessions, GrantedSessions],
})
export class TrainingSessionsModule {}
