import { Injectable } from '@nestjs/common';
import { SCOPES } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { TenantsRepository } from '../tenants/tenants.repository.js';
import { Authenticator } from './authenticator.js';
import type { Identity } from './principal.js';
import { readTenantHeader } from './tenant-header.js';

/** Development: trusts `x-tenant-id`, creates tenants as they come, and lets everybody do everything. */
@Injectable()
export class TenantHeaderAuthenticator extends Authenticator {
  private readonly known = new Map<string, Identity>();
  private readonly nobody: Identity = { tenantId: undefined, isOperator: true, scopes: SCOPES };

  constructor(private readonly tenants: TenantsRepository) {
    super();
  }

  identify(request: FastifyRequest): Identity | Promise<Identity> {
    const tenantId = readTenantHeader(request);
    if (tenantId === undefined) return this.nobody;
    return this.known.get(tenantId) ?? this.admit(tenantId);
  }

  private async admit(tenantId: string): Promise<Identity> {
    await this.tenants.ensure(tenantId);
    const identity: Identity = { tenantId, isOperator: true, scopes: SCOPES };
    this.known.set(tenantId, identity);
    return identity;
  }
}
