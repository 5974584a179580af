import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DynamicModule, Type } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import type { Config } from './env.js';
import { serveDocument } from './http/openapi.js';
import { ProblemFilter, sendRouterError } from './http/problem.filter.js';
import { bindRequestIds } from './http/request-context.js';
import { readModels } from './models.js';
import { ValidationPipe } from './http/validation.pipe.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The whole API, wired but not listening. */
export async function createApp(config: Config): Promise<NestFastifyApplication> {
  const module: Type | DynamicModule = AppModule.register(config, await readModels(config.models.file));
  const app = await NestFactory.create<NestFastifyApplication>(module, createAdapter(config), {
    bufferLogs: true,
    bodyParser: false,
  });
  app.useLogger(app.get(Logger));
  app.useGlobalPipes(new ValidationPipe());
  app.useGlobalFilters(new ProblemFilter());
  app.enableShutdownHooks();
  serveDocument(app);
  return app;
}

function createAdapter(config: Config): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: config.http.bodyLimitBytes,
    genReqId: ({ headers }: IncomingMessage) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: sendRouterError,
  });
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  bindRequestIds(server);
  acceptBodies(server);
  return adapter;
}

/** JSON and uploads; anything else is refused with 415. */
function acceptBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) =>
    // Clients that always name a content type send it with empty bodies, too.
    body === '' ? done(null, undefined) : parseJson(request, body, done),
  );
  // Uploads are streamed to storage as they come, never held in memory.
  server.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
}
