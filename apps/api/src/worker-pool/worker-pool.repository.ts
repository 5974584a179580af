import { Injectable } from '@nestjs/common';
import type { ReportWorkerPool, WorkerPool, WorkerPoolAction, WorkerPoolOrder } from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';

/** After so long without a report nobody runs the pool any more. */
const SILENT_MS = 15_000;

export interface PoolState extends WorkerPool {
  /** The newest version of the order that was carried out. */
  applied: number;
}

/** The workers that a supervisor runs on the API's word. */
@Injectable()
export class WorkerPoolRepository {
  constructor(private readonly database: Database) {}

  /** @returns undefined when no supervisor has ever reported */
  async find(): Promise<PoolState | undefined> {
    const [row] = await this.database.query<PoolState>(FIND, [SILENT_MS]);
    return row;
  }

  /**
   * Changes what there should be.
   * @param max the caller's own limit, besides the supervisor's
   * @returns the version of the order; undefined when no supervisor would carry it out
   */
  async order(action: WorkerPoolAction, { count, max }: { count: number; max: number }): Promise<number | undefined> {
    const [row] = await this.database.query<{ version: number }>(ORDER, [SILENT_MS, action, count, max]);
    return row?.version;
  }

  /** Notes what the supervisor says. @returns what it is to do */
  async report({ host, running, maxWorkers, applied, wanted }: ReportWorkerPool): Promise<WorkerPoolOrder> {
    const values = [host, running, maxWorkers, applied, wanted ?? null];
    const [row] = await this.database.query<WorkerPoolOrder>(REPORT, values);
    return row!;
  }
}

const IS_MANAGED = `reported_at > now() - $1::int * interval '1 millisecond'`;

const FIND: PreparedQuery = {
  name: 'worker-pool-find',
  text: `select ${IS_MANAGED} as "isManaged", host, wanted, running, max_workers as "maxWorkers", applied from worker_pool`,
};

/** A limit that sank meanwhile ends no worker. */
const ORDER: PreparedQuery = {
  name: 'worker-pool-order',
  text: `update worker_pool set version = version + 1,
      generation = generation + case when $2 = 'restart' then 1 else 0 end,
      wanted = case $2 when 'stop' then 0 when 'start' then greatest(wanted, least(wanted + $3::int, $4::int, max_workers)) else wanted end
    where ${IS_MANAGED} returning version`,
};

const REPORT: PreparedQuery = {
  name: 'worker-pool-report',
  text: `insert into worker_pool as p (id, host, running, max_workers, applied, wanted, reported_at)
    values (1, $1, $2, $3, $4, coalesce($5::int, 1), now())
    on conflict (id) do update set host = excluded.host, running = excluded.running, max_workers = excluded.max_workers,
      applied = excluded.applied, wanted = least(coalesce($5::int, p.wanted), excluded.max_workers), reported_at = now()
    returning version, wanted, generation`,
};
