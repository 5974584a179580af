import { Module } from '@nestjs/common';
import { DatasetFilesRepository } from './dataset-files.repository.js';
import { DatasetFilesService } from './dataset-files.service.js';
import { DatasetInspector } from './dataset-inspector.js';
import { DatasetsController } from './datasets.controller.js';
import { DatasetsRepository } from './datasets.repository.js';
import { InspectionsRepository } from './inspections.repository.js';
import { DatasetsService } from './datasets.service.js';

@Module({
  controllers: [DatasetsController],
  providers: [
    DatasetsService,
    DatasetsRepository,
    InspectionsRepository,
    DatasetInspector,
    DatasetFilesRepository,
    DatasetFilesService,
  ],
  exports: [DatasetsService, DatasetFilesService],
})
export class DatasetsModule {}
