import { Module } from '@nestjs/common';
import { AdaptersModule } from '../../adapters/adapters.module.js';
import { DatasetsModule } from '../../datasets/datasets.module.js';
import { JobsModule } from '../../jobs/jobs.module.js';
import { TextDatasetsModule } from '../../text-datasets/text-datasets.module.js';
import { QloraAdaptersController } from './qlora-adapters.controller.js';
import { QloraDataController } from './qlora-data.controller.js';
import { QloraTrainingController } from './qlora-training.controller.js';
import { StartedJobs, UploadedTextDatasets } from './qlora.readers.js';

@Module({
  imports: [AdaptersModule, DatasetsModule, JobsModule, TextDatasetsModule],
  controllers: [QloraTrainingController, QloraDataController, QloraAdaptersController],
  providers: [StartedJobs, UploadedTextDatasets],
})
export class QloraModule {}
