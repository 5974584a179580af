import { Inject, Injectable } from '@nestjs/common';
import type { ReportWorkerPool, WorkerPool, WorkerPoolAction, WorkerPoolOrder } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { Database, type PreparedQuery } from '../database/database.js';
import { CONFIG, type Config } from '../env.js';

/** After so long without a report nobody runs the pool any more. */
const SILENT_MS = 15_000;

export interface PoolState extends WorkerPool {
  /** The newest version of the order that was carried out. */
  applied: number;
}

/** The workers that a supervisor runs on the API's word. */
@Injectable()
export class WorkerPoolRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Pick<Config, 'jobs'>,
  ) {}

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

  /**
   * Sees to it that the pool has a worker for each of the tenant's pending jobs that no idle one elsewhere could take,
   * besides those that are at work. It says how many there should be, so that of several calls at once none adds to another.
   */
  async orderForWaiting({ tenantId }: Pick<Principal, 'tenantId'>, { max }: { max: number }): Promise<void> {
    await this.database.query(ORDER_FOR_WAITING, [SILENT_MS, tenantId, max, this.config.jobs.leaseMs]);
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

/** $2 tenant, $3 its limit, $4 lease. A worker that offers several trainers is there for one job. */
const ORDER_FOR_WAITING: PreparedQuery = {
  name: 'worker-pool-order-for-waiting',
  text: `with live as (
      select w.trainers, w.host = p.host as "isOfPool",
        exists (select from job j where j.worker_id = w.id and j.status = 'running') as "isBusy"
      from worker w, worker_pool p where w.heartbeat_at > now() - $4::int * interval '1 millisecond' and not w.is_draining
    ), idle as (select trainers from live where not "isBusy" and not "isOfPool"
    ), waiting as (
      select j.trainer, count(*) as jobs, (select count(*) from idle where j.trainer = any(idle.trainers)) as idle
      from job j where j.tenant_id = $2 and j.status = 'pending' group by j.trainer
    ), missing as (
      select greatest(sum(greatest(jobs - idle, 0)),
        sum(jobs) - (select count(*) from idle where idle.trainers && (select array_agg(trainer) from waiting))) as workers
      from waiting
    ), target as (
      select least($3::int, workers + (select count(*) from live where "isBusy" and "isOfPool"))::int as wanted
      from missing where workers > 0
    )
    update worker_pool p set version = p.version + 1, wanted = least(target.wanted, p.max_workers) from target
    where ${IS_MANAGED} and p.wanted < least(target.wanted, p.max_workers)`,
};

const REPORT: PreparedQuery = {
  name: 'worker-pool-report',
  text: `insert into worker_pool as p (id, host, running, max_workers, applied, wanted, reported_at)
    values (1, $1, $2, $3, $4, coalesce($5::int, 1), now())
    on conflict (id) do update set host = excluded.host, running = excluded.running, max_workers = excluded.max_workers,
      applied = excluded.applied, wanted = least(coalesce($5::int, p.wanted), excluded.max_workers), reported_at = now()
    returning version, wanted, generation`,
};
