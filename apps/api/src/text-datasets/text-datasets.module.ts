import { Module } from '@nestjs/common';
import { DatasetsModule } from '../datasets/datasets.module.js';
import { UploadsModule } from '../uploads/uploads.module.js';
import { TextDatasetsController } from './text-datasets.controller.js';
import { TextDatasetsService } from './text-datasets.service.js';

@Module({
  imports: [DatasetsModule, UploadsModule],
  controllers: [TextDatasetsController],
  providers: [TextDatasetsService],
  exports: [TextDatasetsService],
})
export class TextDatasetsModule {}
