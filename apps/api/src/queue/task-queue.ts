import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { openSender, queueConnection, type TaskSender } from '@influencerai/queue';
import { trainerQueue } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import type { PendingJob } from '../jobs/job-state.repository.js';

/** Sends wake-ups to workers. What is lost here is found again by the sweep. */
@Injectable()
export class TaskQueue implements OnApplicationShutdown {
  readonly connection: ReturnType<typeof queueConnection>;
  private sender: Promise<TaskSender> | undefined;
  private sent = 0;

  constructor(@Inject(CONFIG) config: Config) {
    this.connection = queueConnection({ redisUrl: config.redis.url, databaseUrl: config.database.url });
  }

  /** Wakes the workers of a job's trainer; while an earlier wake-up for the attempt waits, this one adds nothing. @throws Error when the queue store does not answer */
  async wakeWorkers({ id, trainer, attempt }: PendingJob): Promise<void> {
    const sender = await this.open();
    await sender.send(trainerQueue(trainer), 'train-lora', { jobId: id }, `${id}-${attempt}`);
  }

  /** @throws Error when the queue store does not answer */
  async sendCanary(queue: string): Promise<void> {
    const sender = await this.open();
    await sender.send(queue, 'canary', { sentAt: Date.now() }, `canary-${process.pid}-${Date.now()}-${this.sent++}`);
  }

  async onApplicationShutdown(): Promise<void> {
    await (await this.sender)?.close();
  }

  private open(): Promise<TaskSender> {
    this.sender ??= openSender(this.connection).catch((error: unknown) => {
      this.sender = undefined;
      throw error;
    });
    return this.sender;
  }
}
