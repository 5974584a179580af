import { AppError } from '@influencerai/shared';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../auth/authenticator.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether its bodies hold the texts to train on, and may be larger than others. */
    takesTexts?: boolean;
  }
}

export interface TextBodyLimits {
  /** What other routes take, too. */
  bodyLimitBytes: number;
  textsBodyLimitBytes: number;
  /** How many larger ones than `bodyLimitBytes` are read at a time. */
  textsBodySlots: number;
}

/** What storing one takes, about. */
const BUSY_S = 2;

/** Lets the bodies of a route be as large as texts to train on are. */
export const TakesTexts = (): MethodDecorator => RouteConfig({ takesTexts: true });

/**
 * Gives routes for texts their own limit; call it before the first of them. Guards come after the body, which is in memory
 * by then: larger ones than everybody may send are read of known callers alone, a bounded number at a time.
 */
export function allowTextBodies(server: FastifyInstance, limits: TextBodyLimits, authenticator: Authenticator): void {
  const slots = new TextBodySlots(limits.textsBodySlots);
  server.addHook('onRoute', (route) => {
    if (!route.config?.takesTexts) return;
    route.bodyLimit = limits.textsBodyLimitBytes;
    route.onRequest = async (request, reply) => {
      if (!isLarge(request, limits)) return;
      // The guard asks again and is answered from what is remembered; a failure ends here and is counted once.
      const { tenantId = '' } = await authenticator.identify(request);
      slots.take(tenantId, reply);
    };
  });
}

/** Above the routes' own limit a body is not read in any case; one of unknown length may have any. */
function isLarge({ headers }: FastifyRequest, { bodyLimitBytes, textsBodyLimitBytes }: TextBodyLimits): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const bytes = Number(headers['content-length'] ?? 0);
  return bytes > bodyLimitBytes && bytes <= textsBodyLimitBytes;
}

/** Places for large bodies in this process. One tenant has at most half of them. */
class TextBodySlots {
  private readonly taken = new Map<string, number>();

  constructor(private readonly size: number) {}

  /** Holds a place until the request is answered or its client is gone. @throws AppError `text_bodies_exhausted` */
  take(tenantId: string, { raw }: FastifyReply): void {
    if (raw.destroyed) return;
    const own = this.taken.get(tenantId) ?? 0;
    const all = [...this.taken.values()].reduce((sum, count) => sum + count, 0);
    if (all >= this.size || own >= Math.ceil(this.size / 2))
      throw new AppError('text_bodies_exhausted', { retryAfterS: BUSY_S });
    this.taken.set(tenantId, own + 1);
    raw.once('close', () => this.release(tenantId));
  }

  private release(tenantId: string): void {
    const left = this.taken.get(tenantId)! - 1;
    if (left > 0) this.taken.set(tenantId, left);
    else this.taken.delete(tenantId);
  }
}
