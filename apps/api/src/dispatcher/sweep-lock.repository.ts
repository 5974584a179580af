import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';

/** One sweep at a time over all API replicas, by an advisory lock that dies with its connection. */
@Injectable()
export class SweepLock {
  constructor(private readonly database: Database) {}

  /** Does nothing when another replica is sweeping. */
  async runExclusively(work: () => Promise<void>): Promise<void> {
    await this.database.transaction(async (client) => {
      const { rows } = await client.query<{ taken: boolean }>(
        `select pg_try_advisory_xact_lock(hashtext('influencerai:sweep')) as taken`,
      );
      if (rows[0]?.taken) await work();
    });
  }
}
