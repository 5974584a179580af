import { AppError } from '@influencerai/shared';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a retired route: what to use in its place, `{id}` for a parameter. */
    instead?: string;
  }
}

/** Retires a route: whatever comes with the request, the answer is 410 and names what to use in its place. */
export const Gone = (instead: string): MethodDecorator => RouteConfig({ instead });

/** Refuses requests for retired routes before their bodies are read: their clients know no rules for bodies. */
export function refuseGoneRoutes(server: FastifyInstance): void {
  server.addHook('onRequest', ({ routeOptions, params }, _reply, done) => {
    const { instead } = routeOptions.config;
    if (instead === undefined) done();
    else done(new AppError('route_gone', { instead: fill(instead, params as Record<string, string>) }));
  });
}

const fill = (path: string, params: Record<string, string>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
