import { Module } from '@nestjs/common';
import { DatasetsModule } from '../datasets/datasets.module.js';
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
  controllers: [DatasetUploadsController, DirectUploadsController, ResumableUploadsController],
  providers: [UploadsService, DirectUploadsService, ResumableUploadsService, UploadsRepository, UploadSweeper],
  exports: [UploadsService],
})
export class UploadsModule {}
