import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether its bodies hold the texts to train on, and may be larger than others. */
    takesTexts?: boolean;
  }
}

/** Lets the bodies of a route be as large as texts to train on are. */
export const TakesTexts = (): MethodDecorator => RouteConfig({ takesTexts: true });

/** Gives routes for texts their own limit; call it before the first of them. */
export function allowTextBodies(server: FastifyInstance, { limitBytes }: { limitBytes: number }): void {
  server.addHook('onRoute', (route) => {
    if (route.config?.takesTexts) route.bodyLimit = limitBytes;
  });
}
