import { Injectable } from '@nestjs/common';
import type { AuditLogPage, AuditVerification, ListAuditLogQuery } from '@influencerai/shared';
import type { Identity } from '../auth/principal.js';
import { AuditLogRepository } from './audit-log.repository.js';

@Injectable()
export class AuditLogService {
  constructor(private readonly log: AuditLogRepository) {}

  /** The tenant's entries; everybody's for an operator who names no tenant. */
  async list({ tenantId }: Identity, { before, limit }: ListAuditLogQuery): Promise<AuditLogPage> {
    const slice = { before, limit: limit + 1 };
    const entries = tenantId === undefined ? await this.log.listAll(slice) : await this.log.list(tenantId, slice);
    const data = entries.slice(0, limit);
    return { data, hasMore: entries.length > limit, cursor: data.at(-1)?.id ?? null };
  }

  verify(): Promise<AuditVerification> {
    return this.log.verify();
  }
}
