import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../env.js';
import { Authenticator } from './authenticator.js';

/** Nobody asks more often, even where nothing is cached. */
const LEAST_MS = 100;

/** Ends streams whose caller would not be let in any more. */
@Injectable()
export class StreamWatch {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly authenticator: Authenticator,
  ) {}

  /** Asks again as often as any credential is asked about, until the stream is over. */
  begin(request: FastifyRequest, stream: AbortController): void {
    if (this.config.auth.mode !== 'token') return;
    const everyMs = Math.max(this.config.auth.cacheMs, LEAST_MS);
    const timer = setInterval(() => void this.check(request, stream), everyMs).unref();
    stream.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** While nobody can be asked, the answer of before holds. */
  private async check(request: FastifyRequest, stream: AbortController): Promise<void> {
    try {
      await this.authenticator.identify(request);
    } catch (error) {
      if (error instanceof AppError && error.status < 500) stream.abort();
    }
  }
}
