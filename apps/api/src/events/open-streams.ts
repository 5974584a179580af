import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { CONFIG, type Config } from '../env.js';

/** Counts the streams of each tenant, of whatever kind. */
@Injectable()
export class OpenStreams {
  private readonly open = new Map<string, number>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Counts a stream until its signal says that it is over. @throws AppError `streams_exhausted` */
  count(tenantId: string, signal: AbortSignal): void {
    const limit = this.config.http.maxEventStreams;
    if ((this.open.get(tenantId) ?? 0) >= limit) throw new AppError('streams_exhausted', { limit });
    // A client that is gone would never be counted down again.
    if (signal.aborted) return;
    this.add(tenantId, 1);
    signal.addEventListener('abort', () => this.add(tenantId, -1), { once: true });
  }

  private add(tenantId: string, change: number): void {
    this.open.set(tenantId, (this.open.get(tenantId) ?? 0) + change);
  }
}
