import type { FastifyRequest } from 'fastify';
import type { Identity } from './principal.js';

/** Turns the credentials of a request into who is calling. */
export abstract class Authenticator {
  /**
   * Answers at once where it can: every request waits for it.
   * @throws AppError with status 401 when the credentials prove nothing, 403 when they may not speak for the tenant named
   */
  abstract identify(request: FastifyRequest): Identity | Promise<Identity>;
}
