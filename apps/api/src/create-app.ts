import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import { Authenticator } from './auth/authenticator.js';
import { DIALECTS } from './dialects/dialects.js';
import type { Config } from './env.js';
import { collectRoutes } from './http/allowed-methods.js';
import { setBrowserRules } from './http/browser-rules.js';
import { answerClientError } from './http/client-errors.js';
import { refuseGoneRoutes } from './http/gone.js';
import { acceptJson } from './http/json-body.js';
import { serveDocuments } from './http/openapi-document.js';
import { ProblemFilter, sendRouterError } from './http/problem.filter.js';
import { bindRequestIds } from './http/request-context.js';
import { endConnectionsWhenClosing } from './http/shutdown.js';
import { cutOffSlowClients } from './http/slow-clients.js';
import { logRequests } from './http/request-log.js';
import { allowTextBodies } from './http/text-bodies.js';
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
  setBrowserRules(app, config.http);
  allowTextBodies(app.getHttpAdapter().getInstance(), config.http, app.get(Authenticator));
  app.useGlobalPipes(new ValidationPipe());
  app.useGlobalFilters(new ProblemFilter());
  app.enableShutdownHooks();
  serveDocuments(app, DIALECTS);
  return app;
}

function createAdapter({ http, log }: Config): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: http.bodyLimitBytes,
    trustProxy: http.trustProxy,
    // How often Node looks for connections whose headers are late.
    http: { headersTimeout: http.headersTimeoutMs, connectionsCheckingInterval: http.headersTimeoutMs / 4 },
    clientErrorHandler: answerClientError,
    genReqId: ({ headers }: IncomingMessage) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Some clients put a slash at the end, as the faces that they know do.
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    frameworkErrors: sendRouterError,
  });
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  refuseGoneRoutes(server);
  server.server.maxConnections = http.maxConnections;
  cutOffSlowClients(server, { patienceMs: http.slowClientMs });
  endConnectionsWhenClosing(server);
  collectRoutes(server);
  bindRequestIds(server);
  if (log.level === 'debug' || log.level === 'trace') logRequests(server);
  // JSON and uploads; anything else is refused with 415.
  server.removeAllContentTypeParsers();
  acceptJson(server);
  // Uploads are streamed to storage as they come, never held in memory.
  const streamed = ['application/octet-stream', 'application/offset+octet-stream', 'multipart/form-data'];
  server.addContentTypeParser(streamed, (_request, payload, done) => done(null, payload));
  return adapter;
}
