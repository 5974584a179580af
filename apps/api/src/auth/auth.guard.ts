import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AppError, type Scope } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { ACCESS, type Access } from './access.js';
import { Authenticator } from './authenticator.js';
import { RefusedRequests } from '../limits/refused-requests.js';
import { JobHolders } from './job-holders.js';
import type { Identity, Principal } from './principal.js';

/** Stands before every route: one that declares nothing asks for a tenant and the scope of its method. */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly declared = new WeakMap<object, Access>();

  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly holders: JobHolders,
    private readonly refused: RefusedRequests,
  ) {}

  /** Without a promise where the authenticator needs none. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.accessOf(context);
    if (access.isPublic) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const identity = this.authenticator.identify(request);
    return identity instanceof Promise
      ? identity.then((found) => this.admit(found, access, request))
      : this.admit(identity, access, request);
  }

  private admit(identity: Identity, access: Access, request: FastifyRequest): boolean | Promise<boolean> {
    request.identity = identity;
    request.isByWorker = access.scope === 'worker';
    if (access.isForOperators && !identity.isOperator) throw new AppError('operator_only');
    const scope = access.scope ?? scopeOf(request);
    const isHolder = access.isForHolder === true && !has(identity, scope) && has(identity, 'worker');
    request.isByWorker ||= isHolder;
    if (!isHolder && !has(identity, scope)) return this.refuse(identity, scope, request);
    if (access.isForOperators) return true;
    if (identity.tenantId === undefined) {
      if (access.isTenantOptional && identity.isOperator) return true;
      throw new AppError('tenant_missing');
    }
    const principal = identity as Principal;
    request.principal = principal;
    if (isHolder) return this.admitHolder(principal, scope, jobIdOf(request));
    const mustBeFree = access.isForHolder === true && scope === 'write' && !has(identity, 'worker');
    return mustBeFree ? this.holders.requireFree(principal, jobIdOf(request)).then(() => true) : true;
  }

  private async admitHolder(principal: Principal, scope: Scope, jobId: string): Promise<true> {
    await (scope === 'read'
      ? this.holders.requireRunning(principal, jobId)
      : this.holders.requireHeld(principal, jobId));
    return true;
  }

  /** A refusal counts as a request: each is noted in the audit log. */
  private async refuse(identity: Identity, scope: Scope, request: FastifyRequest): Promise<never> {
    if (identity.tenantId !== undefined && !identity.isOperator)
      await this.refused.count(identity.tenantId, scopeOf(request));
    throw new AppError('scope_missing', { scope });
  }

  private accessOf(context: ExecutionContext): Access {
    const handler = context.getHandler();
    const known = this.declared.get(handler);
    if (known) return known;
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, context.getClass()]) ?? {};
    this.declared.set(handler, access);
    return access;
  }
}

const scopeOf = ({ method }: FastifyRequest): 'read' | 'write' =>
  method === 'GET' || method === 'HEAD' ? 'read' : 'write';

const has = ({ scopes }: Identity, scope: Scope): boolean => scopes.includes(scope);

const jobIdOf = ({ params }: FastifyRequest): string => (params as { id: string }).id;
