import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { JobStateRepository, type PendingJob } from '../jobs/job-state.repository.js';
import { TaskQueue } from '../queue/task-queue.js';
import { SweepLock } from './sweep-lock.repository.js';

/**
 * Moves jobs along that nobody else moves: admits queued jobs when their tenant has room, takes attempts from workers
 * that fell silent, and repeats wake-ups that got lost. Any number of API replicas may run it.
 */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Dispatcher.name);
  private timer: NodeJS.Timeout | undefined;
  private pass: Promise<void> = Promise.resolve();
  private isPassQueued = false;
  private isStopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly states: JobStateRepository,
    private readonly workers: WorkersRepository,
    private readonly queue: TaskQueue,
    private readonly lock: SweepLock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.sweep();
    this.timer = setInterval(() => void this.sweep(), this.config.jobs.sweepMs);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.pass;
  }

  /** Something changed that may let a queued job in: look soon. Calls that come together make one pass. */
  wake(): void {
    if (this.isPassQueued || this.isStopped) return;
    this.isPassQueued = true;
    this.pass = this.pass.then(() => this.admit());
  }

  /** Tells workers about jobs that have become `pending`. A wake-up that fails is repeated by the sweep. */
  announce(jobs: readonly PendingJob[]): void {
    for (const job of jobs) {
      this.queue.wakeWorkers(job).catch((error: unknown) => {
        this.logger.warn({ err: error, jobId: job.id }, 'A wake-up could not be sent; it is repeated.');
      });
    }
  }

  /** One look at everything. Only one replica does it at a time. */
  async sweep(): Promise<void> {
    try {
      await this.lock.runExclusively(() => this.repair());
    } catch (error) {
      this.logger.error({ err: error }, 'The sweep failed; it is repeated.');
    }
    this.wake();
    await this.pass;
  }

  private async repair(): Promise<void> {
    const { leaseMs, maxAttempts, renotifyMs } = this.config.jobs;
    await this.states.renewUnwatchedLeases(leaseMs);
    this.announce(await this.states.interruptExpired(maxAttempts));
    this.announce(await this.states.takeUnnoticed(renotifyMs));
    await this.states.refreshWaitingReasons(leaseMs);
  }

  private async admit(): Promise<void> {
    this.isPassQueued = false;
    try {
      this.announce(await this.states.admit());
    } catch (error) {
      this.logger.error({ err: error }, 'Queued jobs could not be admitted; the next sweep tries again.');
    }
  }
}
