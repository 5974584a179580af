import { Injectable } from '@nestjs/common';
import type { JobStatus } from '@influencerai/shared';
import { Database } from '../database/database.js';

@Injectable()
export class HealthRepository {
  constructor(private readonly database: Database) {}

  async ping(): Promise<void> {
    await this.database.query({ name: 'health-ping', text: 'select 1' }, []);
  }

  async countJobs(): Promise<{ status: JobStatus; count: number }[]> {
    return this.database.query(
      { name: 'health-jobs', text: 'select status, sum(count)::int as count from job_count group by status' },
      [],
    );
  }

  /** Workers that reported within `leaseMs`. */
  async countOnlineWorkers(leaseMs: number): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(ONLINE, [leaseMs]);
    return row?.count ?? 0;
  }
}

const ONLINE = {
  name: 'health-workers',
  text: "select count(*)::int as count from worker where heartbeat_at > now() - $1::int * interval '1 millisecond'",
};
