import { AppError, isTenantId } from '@influencerai/shared';
import type { FastifyRequest } from 'fastify';

/** The tenant that a request names. @throws AppError `tenant_malformed` */
export function readTenantHeader({ headers }: FastifyRequest): string | undefined {
  const tenantId = headers['x-tenant-id'];
  if (tenantId === undefined || tenantId === '') return undefined;
  if (typeof tenantId !== 'string' || !isTenantId(tenantId)) throw new AppError('tenant_malformed');
  return tenantId;
}
