import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError, SCOPES, UserIdSchema } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';
import { type Face, faceOf } from '../http/face.js';
import { TenantsRepository } from '../tenants/tenants.repository.js';
import { Authenticator } from './authenticator.js';
import type { Identity } from './principal.js';
import { readTenantHeader } from './tenant-header.js';

/** Whom clients act for that know no tenants. */
const DEMO_TENANT = 'tenant_demo';
const LONGEST_NAME = 64;

/**
 * Development: trusts `x-tenant-id`, creates tenants as they come, and lets everybody do everything. Faces whose clients
 * know no tenants act for `tenant_demo`, in the name of their bearer token where they send one.
 */
@Injectable()
export class TenantHeaderAuthenticator extends Authenticator {
  private readonly known = new Map<string, Identity>();
  private readonly nobody: Identity = { tenantId: undefined, isOperator: true, scopes: SCOPES };

  constructor(private readonly tenants: TenantsRepository) {
    super();
  }

  identify(request: FastifyRequest): Identity | Promise<Identity> {
    const tenantId = readTenantHeader(request);
    const face = faceOf(request);
    if (face) return this.identifyBy(face.development, request, tenantId ?? DEMO_TENANT);
    if (tenantId === undefined) return this.nobody;
    return this.known.get(tenantId) ?? this.admit(tenantId);
  }

  private async identifyBy(
    development: Face['development'],
    { headers }: FastifyRequest,
    tenantId: string,
  ): Promise<Identity> {
    const token = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (development === 'bearer-names-user' && token === undefined)
      throw new AppError(headers.authorization ? 'credentials_invalid' : 'credentials_missing');
    const identity = this.known.get(tenantId) ?? (await this.admit(tenantId));
    return token === undefined ? identity : { ...identity, userId: userOf(token) };
  }

  private async admit(tenantId: string): Promise<Identity> {
    await this.tenants.ensure(tenantId);
    const identity: Identity = { tenantId, isOperator: true, scopes: SCOPES };
    this.known.set(tenantId, identity);
    return identity;
  }
}

/** Short tokens name users as they are. What may be a real secret is kept out of rows and logs. */
function userOf(token: string): string {
  const isName = token.length <= LONGEST_NAME && !token.startsWith('iak_') && UserIdSchema.safeParse(token).success;
  return isName ? token : `token-${createHash('sha256').update(token).digest('hex').slice(0, 12)}`;
}
