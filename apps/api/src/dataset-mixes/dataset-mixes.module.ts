import { Module } from '@nestjs/common';
import { DatasetsModule } from '../datasets/datasets.module.js';
import { UploadsModule } from '../uploads/uploads.module.js';
import { DatasetMixesController } from './dataset-mixes.controller.js';
import { DatasetMixesService } from './dataset-mixes.service.js';

@Module({
  imports: [DatasetsModule, UploadsModule],
  controllers: [DatasetMixesController],
  providers: [DatasetMixesService],
  exports: [DatasetMixesService],
})
export class DatasetMixesModule {}
