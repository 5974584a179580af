import { Module } from '@nestjs/common';
import { DatasetsModule } from '../../datasets/datasets.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { UploadsModule } from '../../uploads/uploads.module.js';
import { SubmitDatasetsController } from './submit-datasets.controller.js';
import { SubmittedJobs, UploadedDatasets } from './submit.readers.js';
import { SubmitController } from './submit.controller.js';

@Module({
  imports: [DatasetsModule, JobsModule, UploadsModule],
  controllers: [SubmitController, SubmitDatasetsController],
  providers: [SubmittedJobs, UploadedDatasets],
})
export class SubmitModule {}
