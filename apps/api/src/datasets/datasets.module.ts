import { Module } from '@nestjs/common';
import { DatasetInspector } from './dataset-inspector.js';
import { DatasetsController } from './datasets.controller.js';
import { DatasetsRepository } from './datasets.repository.js';
import { InspectionsRepository } from './inspections.repository.js';
import { DatasetsService } from './datasets.service.js';

@Module({
  controllers: [DatasetsController],
  providers: [DatasetsService, DatasetsRepository, InspectionsRepository, DatasetInspector],
  exports: [DatasetsService],
})
export class DatasetsModule {}
