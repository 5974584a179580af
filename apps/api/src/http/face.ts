import type { AppError } from '@influencerai/shared';
import { applyDecorators } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { RouteConfig } from '@nestjs/platform-fastify';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

/**
 * One wire language that the API speaks. A route without a face is native. Which face a route has stands in its
 * configuration, so that it is known before any handler runs: a body that cannot be parsed is refused in the right words.
 */
export interface Face {
  /** In logs, and in the address of its document. */
  name: string;
  title: string;
  description: string;
  /**
   * Who is calling while the API runs in development mode: the bearer token names a user of the tenant `tenant_demo`, or
   * nobody is asked. With `AUTH_MODE=token` every face asks for the same credentials.
   */
  development: 'bearer-names-user' | 'demo-tenant';
  /** The one form of its error answers. */
  errorSchema: z.ZodType;
  /** Renders an error of the domain. */
  fromError(error: AppError, request: FacedRequest): unknown;
  /** The status of the answer, where its clients expect another one than that of the error. */
  statusOf?(error: AppError): number;
}

/** What a face is told about the request that failed. */
export interface FacedRequest {
  requestId: string;
  /** `POST /api/training/start`: parameters by their names; undefined where no route takes the request. */
  route?: string | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    face?: Face;
  }
}

/** The face that a request speaks; undefined for the native one, and for requests that no route takes. */
export const faceOf = (request: Pick<FastifyRequest, 'routeOptions'>): Face | undefined =>
  // Not there yet while the router itself refuses a request.
  (request.routeOptions as FastifyRequest['routeOptions'] | undefined)?.config?.face;

/** Makes every route of a controller speak a face. It stands first, so that it is applied when all routes are known. */
export const Speaks = (face: Face): ClassDecorator =>
  applyDecorators((target: object) => {
    const { prototype } = target as { prototype: object };
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof descriptor.value !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, descriptor.value)) continue;
      const others = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG_METADATA, descriptor.value) as object | undefined;
      RouteConfig({ ...others, face })(prototype, name, descriptor);
    }
  });
