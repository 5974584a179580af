import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ACCESS, type Access } from '../auth/access.js';
import type { Principal } from '../auth/principal.js';
import { faceOf } from '../http/face.js';
import { RATE_POLICY } from './limited.js';
import { addressKey } from './address-key.js';
import { rateHeaders } from './rate-headers.js';
import { rateLimited } from './rate-limited.js';
import { RateLimiter } from './rate-limiter.js';
import type { RatePolicy } from './rate-policy.js';
import { TenantPolicies } from './tenant-policies.js';

interface Route {
  isForHolder: boolean;
  policy: RatePolicy | undefined;
}

/** Counts every request about a tenant, once it is known who calls. Reports of workers do not count. */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly routes = new WeakMap<object, Route>();

  constructor(
    private readonly reflector: Reflector,
    private readonly limiter: RateLimiter,
    private readonly policies: TenantPolicies,
  ) {}

  /** Without a promise where nothing is counted. */
  canActivate(context: ExecutionContext): true | Promise<true> {
    const route = this.routeOf(context);
    return route.policy || this.policies.isOn ? this.count(context, route) : true;
  }

  private async count(context: ExecutionContext, route: Route): Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const { principal } = request;
    if (!principal || isReport(route, principal, request)) return true;
    const policy = route.policy ?? (await this.policyOf(request, principal));
    const verdict = await this.limiter.take(policy, subjectOf(policy, principal, request));
    void http.getResponse<FastifyReply>().headers(rateHeaders(verdict));
    if (!verdict.isAllowed) throw rateLimited(verdict);
    return true;
  }

  private policyOf(request: FastifyRequest, { tenantId }: Principal): Promise<RatePolicy> {
    const name = isRead(request) ? 'read' : 'write';
    return faceOf(request) ? this.policies.getForFaces(name, tenantId) : this.policies.get(name, tenantId);
  }

  private routeOf(context: ExecutionContext): Route {
    const handler = context.getHandler();
    const known = this.routes.get(handler);
    if (known) return known;
    const targets = [handler, context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, targets);
    const policy = this.reflector.getAllAndOverride<RatePolicy | undefined>(RATE_POLICY, targets);
    const route = { isForHolder: access?.isForHolder ?? false, policy };
    this.routes.set(handler, route);
    return route;
  }
}

const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD';

/** In development everybody has every scope, so there a read that workers share counts. */
const isReport = ({ isForHolder }: Route, { scopes }: Principal, request: FastifyRequest): boolean =>
  isForHolder && scopes.includes('worker') && !(isRead(request) && scopes.includes('read'));

/** Tenant ids hold no slash. */
function subjectOf({ by }: RatePolicy, { tenantId, userId = '' }: Principal, { ip }: FastifyRequest): string {
  if (by === 'address') return addressKey(ip);
  return by === 'tenant' ? tenantId : `${tenantId}/${userId}`;
}
