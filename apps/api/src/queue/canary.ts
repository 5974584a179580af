import { hostname } from 'node:os';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { listen, type TaskListener } from '@influencerai/queue';
import { CANARY_QUEUE } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';
import { QueueHealth } from '../health/queue-health.js';
import { TaskQueue } from './task-queue.js';

/** A queue that has not carried a message for so many intervals counts as dead. */
const PATIENCE = 2.5;

/**
 * Proves by doing that the queue is alive: sends itself a message every minute and expects to receive it. A listener
 * that has gone deaf without an error is replaced.
 */
@Injectable()
export class Canary extends QueueHealth implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Canary.name);
  private readonly queue: string;
  private listener: TaskListener | undefined;
  private timer: NodeJS.Timeout | undefined;
  private heardAt = Date.now();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly tasks: TaskQueue,
  ) {
    super();
    this.queue = `${CANARY_QUEUE}-${hostname()}-${config.http.port}`.replace(/[^A-Za-z0-9_-]/g, '-');
  }

  override isAlive(): boolean {
    return Date.now() - this.heardAt < this.config.jobs.canaryMs * PATIENCE;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat(), this.config.jobs.canaryMs);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.listener?.close();
  }

  private async beat(): Promise<void> {
    try {
      if (!this.isAlive()) await this.replaceListener();
      this.listener ??= await this.listen();
      await this.tasks.sendCanary(this.queue);
    } catch (error) {
      this.logger.warn(
        { err: error },
        'The queue does not carry messages; jobs wait for the slower sweep until it does.',
      );
    }
  }

  private async replaceListener(): Promise<void> {
    const deaf = this.listener;
    this.listener = undefined;
    await deaf?.close();
  }

  private listen(): Promise<TaskListener> {
    return listen({
      connection: this.tasks.connection,
      queue: this.queue,
      onTask: () => {
        this.heardAt = Date.now();
        return Promise.resolve();
      },
      onError: (error) => this.logger.debug({ err: error }, 'The canary listener reported an error.'),
    });
  }
}
