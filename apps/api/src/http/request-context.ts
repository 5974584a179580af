import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance } from 'fastify';
import { faceOf } from './face.js';

interface RequestFields {
  requestId?: string;
  /** The face that is spoken, unless it is the native one. */
  dialect?: string;
}

const requests = new AsyncLocalStorage<RequestFields>();
const NONE: RequestFields = {};

/** What every log line that a request causes carries. */
export const requestFields = (): RequestFields => requests.getStore() ?? NONE;

/** Keeps the request's id at hand for as long as it is worked on. */
export function bindRequestIds(server: FastifyInstance): void {
  // Not earlier: what follows the body runs in the context of the socket's events.
  server.addHook('preHandler', (request, _reply, done) => {
    const face = faceOf(request);
    requests.run({ requestId: request.id, ...(face && { dialect: face.name }) }, done);
  });
}
