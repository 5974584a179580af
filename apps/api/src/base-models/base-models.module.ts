import { Module } from '@nestjs/common';
import { BaseModelsController } from './base-models.controller.js';
import { BaseModelsService } from './base-models.service.js';
import { HubCacheRepository } from './hub-cache.repository.js';

@Module({
  controllers: [BaseModelsController],
  providers: [BaseModelsService, HubCacheRepository],
  exports: [BaseModelsService],
})
export class BaseModelsModule {}
