import { Module } from '@nestjs/common';
import { WorkerPoolController } from './worker-pool.controller.js';
import { WorkerPoolRepository } from './worker-pool.repository.js';
import { WorkerPoolService } from './worker-pool.service.js';

@Module({
  controllers: [WorkerPoolController],
  providers: [WorkerPoolService, WorkerPoolRepository],
  exports: [WorkerPoolService],
})
export class WorkerPoolModule {}
