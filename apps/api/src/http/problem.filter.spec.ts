import { Logger, type ArgumentsHost } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { ProblemFilter } from './problem.filter.js';

let server: FastifyInstance;
beforeEach(() => {
  Logger.overrideLogger(false);
  server = fastify();
});
afterEach(() => server.close());

describe(ProblemFilter.name, () => {
  it.each([
    [503, Object.assign(new Error('Unable to start a transaction in the given time.'), { code: 'P2028' })],
    [503, new Error('timeout exceeded when trying to connect')],
    [500, new Error('anything else')],
  ])('should answer %i to %s', async (status, thrown) => {
    server.get('/', (request, reply) => {
      const http = { getRequest: () => request, getResponse: () => reply };
      new ProblemFilter().catch(thrown, { switchToHttp: () => http } as unknown as ArgumentsHost);
    });
    const answer = await server.inject('/');
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([status, status === 503 ? '1' : undefined]);
  });
});
