import { Inject, Injectable } from '@nestjs/common';
import { ADMITTED_STATUSES, type Usage } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { CONFIG, type Config } from '../env.js';

interface Row {
  running: number;
  admitted: number;
  maxAdmitted: number;
  queued: number;
  maxQueued: number;
}

@Injectable()
export class JobUsageRepository {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: TenantDatabase,
  ) {}

  async get(tenantId: string): Promise<Usage['jobs']> {
    const values = [tenantId, ADMITTED_STATUSES, this.config.quotas.queuedJobs];
    const [row] = await this.database.query<Row>(tenantId, FIND, values);
    if (!row) throw new Error('A caller has no tenant.');
    return {
      running: row.running,
      admitted: { used: row.admitted, limit: row.maxAdmitted },
      queued: { used: row.queued, limit: row.maxQueued },
    };
  }
}

const sum = (condition: string) => `coalesce(sum(c.count) filter (where ${condition}), 0)::int`;

const FIND: PreparedQuery = {
  name: 'job-usage-find',
  text: `select ${sum(`c.status = 'running'`)} as running, ${sum('c.status = any($2::job_status[])')} as admitted,
      ${sum(`c.status = 'queued'`)} as queued, t.max_concurrent_jobs as "maxAdmitted", coalesce(t.max_queued_jobs, $3::int) as "maxQueued"
    from tenant t left join job_count c on c.tenant_id = t.id where t.id = $1 group by t.id`,
};
