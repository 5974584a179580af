import { Module } from '@nestjs/common';
import { TrainingDefaultsModule } from '../training-defaults/training-defaults.module.js';
import { WorkerAutoStartService } from './worker-auto-start.service.js';
import { WorkerPoolController } from './worker-pool.controller.js';
import { WorkerPoolRepository } from './worker-pool.repository.js';
import { WorkerPoolService } from './worker-pool.service.js';

@Module({
  imports: [TrainingDefaultsModule],
  controllers: [WorkerPoolController],
  providers: [WorkerPoolService, WorkerPoolRepository, WorkerAutoStartService],
  exports: [WorkerPoolService, WorkerAutoStartService],
})
export class WorkerPoolModule {}
