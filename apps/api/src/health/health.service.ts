import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { SingleFlight } from '../http/single-flight.js';
import { Storage } from '../storage/storage.js';
import { HealthRepository } from './health.repository.js';
import type { Ready } from './health.schema.js';
import { QueueHealth } from './queue-health.js';

const TIMEOUT_MS = 2_000;

type CheckName = keyof Ready['checks'];

@Injectable()
export class HealthService {
  private readonly logger = new Logger(HealthService.name);
  private readonly looks = new SingleFlight<Ready>();

  constructor(
    private readonly health: HealthRepository,
    private readonly storage: Storage,
    @Optional() @Inject(QueueHealth) private readonly queue?: QueueHealth,
  ) {}

  /**
   * Whether this process can do its work. Anybody may ask, so all who ask at a time share one look.
   * @throws AppError `service_not_ready` that names what fails
   */
  ready(): Promise<Ready> {
    return this.looks.run('ready', () => this.look());
  }

  private async look(): Promise<Ready> {
    const checks = {
      database: () => this.health.ping(),
      queue: () => this.pingQueue(),
      storage: () => this.storage.check(),
    };
    const names = Object.keys(checks) as CheckName[];
    const results = await Promise.all(names.map((name) => this.passes(name, checks[name])));
    const failing = names.filter((_, index) => !results[index]);
    if (failing.length > 0) throw new AppError('service_not_ready', { failing: failing.join(', ') });
    return { status: 'ok', checks: { database: 'ok', queue: 'ok', storage: 'ok' } };
  }

  private async pingQueue(): Promise<void> {
    if (this.queue && !(await this.queue.isAlive()))
      throw new Error('The last message through the queue did not come back.');
  }

  private async passes(name: CheckName, check: () => Promise<void>): Promise<boolean> {
    const timer = Promise.withResolvers<never>();
    const timeout = setTimeout(() => timer.reject(new Error(`No answer within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
    try {
      await Promise.race([check(), timer.promise]);
      return true;
    } catch (error) {
      this.logger.warn({ err: error, check: name }, 'A readiness check failed.');
      return false;
    } finally {
      clearTimeout(timeout);
    }
  }
}
