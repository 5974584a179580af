import { Inject, Injectable } from '@nestjs/common';
import type { RegisterWorker, TrainerId, Worker } from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';
import { CONFIG, type Config } from '../env.js';
import type { WorkerActivity } from './worker-activity.js';

type WorkerRow = Omit<Worker, 'heartbeatAt' | 'registeredAt'> & { heartbeatAt: Date; registeredAt: Date };

/** The workers that have registered, and which of them still report. */
@Injectable()
export class WorkersRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Notes the worker and the key that it speaks with. @returns false when a worker of another key has the id */
  async register({ held: _, ...worker }: RegisterWorker, keyId: string | undefined): Promise<boolean> {
    const { id, host, pid, version, slots, gpus, trainers, unusable } = worker;
    const described = [id, host, pid, version, slots, JSON.stringify(gpus), trainers];
    const values = [...described, keyId ?? null, JSON.stringify(unusable)];
    return (await this.database.query(REGISTER, values)).length > 0;
  }

  /** Notes that a worker lives. @returns false when it never registered with this key */
  async touch(id: string, keyId: string | undefined, isDraining: boolean): Promise<boolean> {
    const rows = await this.database.query(TOUCH, [id, isDraining, keyId ?? null]);
    return rows.length > 0;
  }

  async exists(id: string, keyId: string | undefined): Promise<boolean> {
    return (await this.database.query(EXISTS, [id, keyId ?? null])).length > 0;
  }

  /** Trainers that a live worker offers. */
  async onlineTrainers(): Promise<TrainerId[]> {
    const rows = await this.database.query<{ trainer: TrainerId }>(ONLINE_TRAINERS, [this.config.jobs.leaseMs]);
    return rows.map((row) => row.trainer);
  }

  /** Every worker, with those of its running jobs that belong to the tenant. */
  async list(tenantId: string): Promise<Worker[]> {
    const rows = await this.database.query<WorkerRow>(LIST, [tenantId, this.config.jobs.leaseMs]);
    return rows.map((row) => ({
      ...row,
      heartbeatAt: row.heartbeatAt.toISOString(),
      registeredAt: row.registeredAt.toISOString(),
    }));
  }

  /** What the workers do that reported within the last day. */
  async activity(tenantId: string): Promise<WorkerActivity[]> {
    const rows = await this.database.query<ActivityRow>(ACTIVITY, [tenantId, this.config.jobs.leaseMs]);
    return rows.map((row) => ({
      ...row,
      heartbeatAt: row.heartbeatAt.toISOString(),
      registeredAt: row.registeredAt.toISOString(),
    }));
  }
}

type ActivityRow = Omit<WorkerActivity, 'heartbeatAt' | 'registeredAt'> & { heartbeatAt: Date; registeredAt: Date };

/** A worker of a key that was deleted, or of the time before there were keys, may be taken over. */
const REGISTER: PreparedQuery = {
  name: 'worker-register',
  text: `insert into worker as w (id, host, pid, version, slots, gpus, trainers, key_id, unusable, is_draining, heartbeat_at, registered_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, now(), now())
    on conflict (id) do update set host = excluded.host, pid = excluded.pid, version = excluded.version, slots = excluded.slots,
      gpus = excluded.gpus, trainers = excluded.trainers, key_id = excluded.key_id, unusable = excluded.unusable,
      is_draining = false, heartbeat_at = now(), registered_at = now()
    where w.key_id is null or w.key_id = excluded.key_id returning id`,
};

const OF_KEY = (parameter: string) => `key_id is not distinct from ${parameter}::uuid`;

const TOUCH: PreparedQuery = {
  name: 'worker-touch',
  text: `update worker set heartbeat_at = now(), is_draining = $2 where id = $1 and ${OF_KEY('$3')} returning id`,
};

const EXISTS: PreparedQuery = { name: 'worker-exists', text: `select 1 from worker where id = $1 and ${OF_KEY('$2')}` };

const ONLINE_TRAINERS: PreparedQuery = {
  name: 'worker-online-trainers',
  text: `select distinct unnest(trainers) as trainer from worker
    where heartbeat_at > now() - $1::int * interval '1 millisecond' and not is_draining`,
};

/** @param leaseMs who has been silent for so long is offline */
const STATUS = (leaseMs: string) =>
  `case when w.heartbeat_at < now() - ${leaseMs}::int * interval '1 millisecond' then 'offline' when w.is_draining then 'draining' else 'online' end`;

const ACTIVITY: PreparedQuery = {
  name: 'worker-activity',
  text: `select w.id, w.heartbeat_at as "heartbeatAt", w.registered_at as "registeredAt", ${STATUS('$2')} as status,
      coalesce(j.any, false) as "isBusy", j.number as "jobNumber", coalesce(j.completed, 0)::int as "jobsCompleted"
    from worker w left join lateral (
      select bool_or(status = 'running') as any, min(number) filter (where status = 'running' and tenant_id = $1) as number,
        count(*) filter (where status = 'completed' and tenant_id = $1) as completed
      from job where worker_id = w.id
    ) j on true
    where w.heartbeat_at > now() - interval '1 day' order by w.registered_at, w.id`,
};

const LIST: PreparedQuery = {
  name: 'worker-list',
  text: `select w.id, w.host, w.version, w.slots, w.gpus, w.trainers, w.unusable, w.heartbeat_at as "heartbeatAt", w.registered_at as "registeredAt",
      ${STATUS('$2')} as status,
      coalesce((select jsonb_agg(jsonb_build_object('jobId', j.id, 'attempt', j.attempt) order by j.started_at) from job j
        where j.worker_id = w.id and j.status = 'running' and j.tenant_id = $1), '[]'::jsonb) as jobs
    from worker w where w.heartbeat_at > now() - interval '7 days' order by w.registered_at desc, w.id`,
};
