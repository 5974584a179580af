import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { newId } from '../http/new-id.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where the request has an `Idempotency-Key`. */
    creationId?: string;
  }
}

/** Something that may come with the id it is to get. */
export type WithId<T> = T & { id?: string };

/** The id for what the request creates. Repetitions under one `Idempotency-Key` get the same. */
export const CreationId = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<FastifyRequest>().creationId ?? newId(),
);
