import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { TenantsRepository } from './tenants.repository.js';

const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** Development mode of the native face: trusts `x-tenant-id` and creates tenants as they come. */
@Injectable()
export class TenantHeaderGuard implements CanActivate {
  private readonly known = new Set<string>();

  constructor(private readonly tenants: TenantsRepository) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const tenantId = request.headers['x-tenant-id'];
    if (tenantId === undefined || tenantId === '') throw new AppError('tenant_missing');
    if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId)) throw new AppError('tenant_malformed');
    request.principal = { tenantId };
    return this.known.has(tenantId) || this.admit(tenantId);
  }

  private async admit(tenantId: string): Promise<true> {
    await this.tenants.ensure(tenantId);
    this.known.add(tenantId);
    return true;
  }
}
