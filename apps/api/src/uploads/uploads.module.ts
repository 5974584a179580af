import { Module } from '@nestjs/common';
import { DatasetsModule } from '../datasets/datasets.module.js';
import { DatasetRemovalsController } from './dataset-removals.controller.js';
import { DatasetRemovalsRepository } from './dataset-removals.repository.js';
import { DatasetRemovalsService } from './dataset-removals.service.js';
import { DatasetUploadsController } from './dataset-uploads.controller.js';
import { DirectUploadsController } from './direct-uploads.controller.js';
import { DirectUploadsService } from './direct-uploads.service.js';
import { ResumableUploadsController } from './tus/resumable-uploads.controller.js';
import { ResumableUploadsService } from './tus/resumable-uploads.service.js';
import { UploadSweeper } from './upload-sweeper.js';
import { UploadsRepository } from './uploads.repository.js';
import { UploadsService } from './uploads.service.js';

@Module({
  imports: [DatasetsModule],
  controllers: [
    DatasetRemovalsController,
    DatasetUploadsController,
    DirectUploadsController,
    ResumableUploadsController,
  ],
  providers: [
    DatasetRemovalsService,
    DatasetRemovalsRepository,
    UploadsService,
    DirectUploadsService,
    ResumableUploadsService,
    UploadsRepository,
    UploadSweeper,
  ],
  exports: [DatasetRemovalsService, UploadsService],
})
export class UploadsModule {}
