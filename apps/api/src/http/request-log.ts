import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/** Logs each answer with nothing that could hold a secret: no header, no query, no body. */
export function logRequests(server: FastifyInstance): void {
  const logger = new Logger('Requests');
  server.addHook('onResponse', ({ id, method, url }, { statusCode, elapsedTime }, done) => {
    const path = url.split('?', 1)[0];
    logger.debug({ requestId: id, method, path, status: statusCode, durationMs: Math.round(elapsedTime) }, 'Answered');
    done();
  });
}
