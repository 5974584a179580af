import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIG, type Config } from '../env.js';
import { UploadsRepository } from './uploads.repository.js';
import { STALE_MS, UploadsService } from './uploads.service.js';

const SWEEP_MS = 30_000;

/** Cleans up after uploads whose process died, and those that nobody went on with. Any replica does it for all of them. */
@Injectable()
export class UploadSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(UploadSweeper.name);
  private timer?: NodeJS.Timeout;
  private pass: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly uploads: UploadsService,
    private readonly repository: UploadsRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();
    void this.sweep();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.pass;
  }

  /** One look at all of them; passes do not overlap. */
  sweep(staleMs = STALE_MS): Promise<void> {
    return (this.pass = this.pass.then(() => this.clean(staleMs)));
  }

  private async clean(staleMs: number): Promise<void> {
    const { expiresMs } = this.config.uploads;
    try {
      for (const claim of await this.repository.takeAbandoned({ staleMs, expiresMs })) await this.uploads.close(claim);
    } catch (error) {
      this.logger.warn({ err: error }, 'Abandoned uploads could not be looked for; the next sweep does.');
    }
  }
}
