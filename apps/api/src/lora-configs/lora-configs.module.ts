import { Module } from '@nestjs/common';
import { LoraConfigsController } from './lora-configs.controller.js';
import { LoraConfigsRepository } from './lora-configs.repository.js';
import { LoraConfigsService } from './lora-configs.service.js';

@Module({
  controllers: [LoraConfigsController],
  providers: [LoraConfigsService, LoraConfigsRepository],
  exports: [LoraConfigsService],
})
export class LoraConfigsModule {}
