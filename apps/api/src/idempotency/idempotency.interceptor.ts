import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { fieldError } from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, mergeMap, type Observable, of } from 'rxjs';
import { assertStorable } from '../http/json-limits.js';
import type { IdempotencyScope, Reservation } from './idempotency.repository.js';
import { IdempotencyService } from './idempotency.service.js';
import { requestHash } from './request-hash.js';

const HEADER = 'idempotency-key';
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Answers a repeated POST as the first one was answered. Use it through `@Idempotent()`, behind a guard that names the caller. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly idempotency: IdempotencyService) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const scope = scopeOf(request);
    if (!scope) return next.handle();
    assertStorable(request.body);
    const turn = await this.idempotency.take(scope, requestHash(request.body));
    if ('reservation' in turn) return this.first(turn.reservation, next, reply);
    void reply.status(turn.replay.status).header('idempotent-replayed', 'true');
    return of(turn.replay.body);
  }

  private first(reservation: Reservation, next: CallHandler, reply: FastifyReply): Observable<unknown> {
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        await this.idempotency.abandon(reservation);
        throw error;
      }),
      mergeMap(async (body: unknown) => {
        await this.idempotency.complete(reservation, reply.statusCode, body);
        return body;
      }),
    );
  }
}

/** Undefined when the request carries no key. */
function scopeOf(request: FastifyRequest): IdempotencyScope | undefined {
  const key = request.headers[HEADER];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key))
    throw fieldError([HEADER], 'The header must be 1 to 255 visible ASCII characters.');
  if (!request.principal) throw new Error('A route is @Idempotent() but no guard named the caller.');
  // The path with its ids: what is repeated for one job is no repetition for another.
  const [path = ''] = request.url.split('?', 1);
  return { tenantId: request.principal.tenantId, route: `${request.method} ${path}`, key };
}
