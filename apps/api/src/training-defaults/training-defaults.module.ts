import { Module } from '@nestjs/common';
import { TrainingDefaultsController } from './training-defaults.controller.js';
import { TrainingDefaultsRepository } from './training-defaults.repository.js';
import { TrainingDefaultsService } from './training-defaults.service.js';

@Module({
  controllers: [TrainingDefaultsController],
  providers: [TrainingDefaultsService, TrainingDefaultsRepository],
  exports: [TrainingDefaultsService],
})
export class TrainingDefaultsModule {}
