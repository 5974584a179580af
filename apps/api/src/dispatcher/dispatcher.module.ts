import { Global, Module } from '@nestjs/common';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { JobStateRepository } from '../jobs/job-state.repository.js';
import { Canary } from '../queue/canary.js';
import { TaskQueue } from '../queue/task-queue.js';
import { QueueHealth } from '../health/queue-health.js';
import { Dispatcher } from './dispatcher.js';
import { SweepLock } from './sweep-lock.repository.js';

@Global()
@Module({
  providers: [
    JobStateRepository,
    WorkersRepository,
    TaskQueue,
    SweepLock,
    Dispatcher,
    Canary,
    { provide: QueueHealth, useExisting: Canary },
  ],
  exports: [JobStateRepository, WorkersRepository, Dispatcher, QueueHealth],
})
export class DispatcherModule {}
