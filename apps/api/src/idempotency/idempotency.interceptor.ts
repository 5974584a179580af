import { Readable } from 'node:stream';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, type Type } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import { AppError, fieldError } from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable, of } from 'rxjs';
import { assertStorable } from '../http/json-limits.js';
import type { Principal } from '../auth/principal.js';
import type { IdempotencyScope } from './idempotency.repository.js';
import { IdempotencyService, type Turn } from './idempotency.service.js';
import { READER, type Reader } from './reader.js';
import { requestHash } from './request-hash.js';

const HEADER = 'idempotency-key';
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Answers a repeated POST as the first one was answered. Use it through `@Idempotent()`, behind a guard that names the caller. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly reflector: Reflector,
    private readonly modules: ModuleRef,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const caller = callerWithKey(request);
    if (!caller) return next.handle();
    assertStorable(request.body);
    const turn = await this.idempotency.take(scopeOf(request, caller), requestHash(comparedPartOf(request)));
    if ('replay' in turn) {
      void reply.status(turn.replay.status).header('idempotent-replayed', 'true');
      return of(turn.replay.body);
    }
    request.creationId = turn.reservation.id;
    const reader = this.modules.get(this.reflector.get<Type<Reader>>(READER, context.getHandler()), { strict: false });
    return from(this.answer(turn, { reply, work: () => lastValueFrom(next.handle()), find: finder(reader, caller) }));
  }

  private async answer(turn: FirstTurn, { reply, work, find }: Ways): Promise<unknown> {
    const { reservation, isTakeover } = turn;
    const left = isTakeover ? await find(reservation.id) : undefined;
    if (left !== undefined) void reply.header('idempotent-replayed', 'true');
    const body = left ?? (await this.workOnce(turn, { work, find }));
    await this.idempotency.complete(reservation, reply.statusCode, body);
    return body;
  }

  /** A failure may come after the commit, or because another holder of the key was faster: what is there counts. */
  private async workOnce({ reservation }: FirstTurn, { work, find }: Omit<Ways, 'reply'>): Promise<unknown> {
    try {
      return await this.idempotency.keep(reservation, work);
    } catch (error) {
      const made = await find(reservation.id);
      if (made !== undefined) return made;
      await this.idempotency.abandon(reservation);
      throw error;
    }
  }
}

type FirstTurn = Exclude<Turn, { replay: unknown }>;

interface Ways {
  reply: FastifyReply;
  work: () => Promise<unknown>;
  /** What was created under the id; undefined when nothing was. */
  find: (id: string) => Promise<unknown>;
}

const finder = (reader: Reader, caller: Principal) => (id: string) =>
  reader.get(caller, id).catch((error: unknown) => {
    if (error instanceof AppError && error.status === 404) return undefined;
    throw error;
  });

/** Undefined when the request carries no key. */
function callerWithKey({ headers, principal }: FastifyRequest): Principal | undefined {
  const key = headers[HEADER];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key))
    throw fieldError([HEADER], 'The header must be 1 to 255 visible ASCII characters.');
  if (!principal) throw new Error('A route is @Idempotent() but no guard named the caller.');
  return principal;
}

/** The path with its ids: what is repeated for one job is no repetition for another. */
function scopeOf({ method, url, headers }: FastifyRequest, { tenantId }: Principal): IdempotencyScope {
  const [path = ''] = url.split('?', 1);
  return { tenantId, route: `${method} ${path}`, key: headers[HEADER] as string };
}

/**
 * What a repeated request must have in common with the first. A stream cannot be compared before it is read, which is
 * what the key is to save; its length is all there is.
 */
const comparedPartOf = ({ body, headers }: FastifyRequest): unknown =>
  body instanceof Readable ? { length: headers['content-length'] ?? null } : body;
