import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';
import { AdapterServingService } from './adapter-serving.service.js';
import { AdaptersRepository, type Served } from './adapters.repository.js';
import { AdaptersService } from './adapters.service.js';

/**
 * Loads again what a restarted runtime has forgotten, and finishes what an API process that died had begun. Any replica
 * does it for all tenants.
 */
@Injectable()
export class AdapterSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(AdapterSweeper.name);
  private timer?: NodeJS.Timeout;
  private pass: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'serving'>,
    private readonly adapters: AdaptersRepository,
    private readonly serving: AdapterServingService,
    private readonly service: AdaptersService,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), this.config.serving.sweepMs).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.pass;
  }

  /** One look at all of them; passes do not overlap. */
  sweep(): Promise<void> {
    return (this.pass = this.pass.then(() => this.look()));
  }

  private async look(): Promise<void> {
    try {
      for (const served of await this.adapters.listServed(this.serving.staleMs)) await this.lookAt(served);
    } catch (error) {
      this.logger.warn({ err: error }, 'Adapters could not be looked at; the next sweep does.');
    }
  }

  /** One that fails keeps nobody from the next; its row says why, or the next sweep tries again. */
  private async lookAt({ tenantId, name, status }: Served): Promise<void> {
    try {
      if (status === 'deleting') await this.service.delete({ tenantId }, name);
      else await this.serving.reconcile({ tenantId }, name);
    } catch (error) {
      this.logger.warn(
        { err: error, tenantId, adapter: name },
        'An adapter could not be brought to where it should be.',
      );
    }
  }
}
