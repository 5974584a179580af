import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';

/** One change of a runtime at a time over all API replicas, by an advisory lock that dies with its connection. */
@Injectable()
export class RuntimeLock {
  constructor(private readonly database: Database) {}

  /** Waits for whoever is at work on this runtime. */
  runAlone<T>(runtime: string, work: () => Promise<T>): Promise<T> {
    return this.database.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`influencerai:runtime:${runtime}`]);
      return work();
    });
  }
}
