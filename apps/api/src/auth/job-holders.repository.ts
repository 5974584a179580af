import { Injectable } from '@nestjs/common';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { isUuid } from '../http/is-uuid.js';

export interface JobHolder {
  /** The key that the job's worker registered with. */
  keyId: string | null;
  /** Whether a worker runs it now. */
  hasLease: boolean;
}

@Injectable()
export class JobHoldersRepository {
  constructor(private readonly database: TenantDatabase) {}

  async find(tenantId: string, jobId: string): Promise<JobHolder | undefined> {
    if (!isUuid(jobId)) return undefined;
    const [row] = await this.database.query<JobHolder>(tenantId, FIND, [jobId, tenantId]);
    return row;
  }
}

const FIND: PreparedQuery = {
  name: 'job-holder-find',
  text: `select w.key_id as "keyId", j.lease_expires_at is not null as "hasLease" from job j left join worker w on w.id = j.worker_id
    where j.id = $1 and j.tenant_id = $2`,
};
