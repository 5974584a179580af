import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Scope } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';

/** What a credential proves. */
export interface Identity {
  /** The tenant that the request is about: the credential's own, or the one an operator names. */
  tenantId: string | undefined;
  /** Whether the credential belongs to no tenant. */
  isOperator: boolean;
  scopes: readonly Scope[];
  /** The API key, unless it was no key. */
  keyId?: string;
  /** The person, where the credential names one. */
  userId?: string;
}

/** Who is calling about which tenant, whatever credentials a face takes. Nothing below the faces sees headers. */
export interface Principal extends Identity {
  tenantId: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    identity?: Identity;
    principal?: Principal;
    /** Whether it is a worker's about its work: routes of workers, and those it shares with tenants. */
    isByWorker?: boolean;
  }
}

const requestOf = (context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>();

/** The caller of a route about one tenant, as the guard found it. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = requestOf(context);
  if (!principal) throw new Error('A route takes @Caller() but no guard named the caller.');
  return principal;
});

/** The caller of a route for operators. */
export const Operator = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const { identity } = requestOf(context);
  if (!identity) throw new Error('A route takes @Operator() but no guard named the caller.');
  return identity;
});
