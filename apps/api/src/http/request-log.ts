import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { faceOf } from './face.js';

/** Logs each answer with nothing that could hold a secret: no header, no query, no body. */
export function logRequests(server: FastifyInstance): void {
  const logger = new Logger('Requests');
  server.addHook('onResponse', (request, { statusCode, elapsedTime }, done) => {
    const { id, method, url } = request;
    const path = url.split('?', 1)[0];
    const answer = { status: statusCode, durationMs: Math.round(elapsedTime) };
    logger.debug({ requestId: id, dialect: faceOf(request)?.name, method, path, ...answer }, 'Answered');
    done();
  });
}
