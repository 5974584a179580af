import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance } from 'fastify';

const requestIds = new AsyncLocalStorage<string>();

/** What every log line that a request causes carries. */
export function requestFields(): { requestId?: string } {
  const requestId = requestIds.getStore();
  return requestId === undefined ? {} : { requestId };
}

/** Keeps the request's id at hand for as long as it is worked on. */
export function bindRequestIds(server: FastifyInstance): void {
  // Not earlier: what follows the body runs in the context of the socket's events.
  server.addHook('preHandler', (request, _reply, done) => requestIds.run(request.id, done));
}
