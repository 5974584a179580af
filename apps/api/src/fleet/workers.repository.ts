import { Inject, Injectable } from '@nestjs/common';
import type { RegisterWorker, TrainerId, Worker } from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';
import { CONFIG, type Config } from '../env.js';

type WorkerRow = Omit<Worker, 'heartbeatAt' | 'registeredAt'> & { heartbeatAt: Date; registeredAt: Date };

/** The workers that have registered, and which of them still report. */
@Injectable()
export class WorkersRepository {
  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async register({ held: _, ...worker }: RegisterWorker): Promise<void> {
    const row = { ...worker, isDraining: false, heartbeatAt: new Date(), registeredAt: new Date() };
    await this.database.prisma.worker.upsert({ where: { id: worker.id }, create: row, update: row });
  }

  /** Notes that a worker lives. @returns false when it never registered. */
  async touch(id: string, isDraining: boolean): Promise<boolean> {
    const rows = await this.database.query(TOUCH, [id, isDraining]);
    return rows.length > 0;
  }

  async exists(id: string): Promise<boolean> {
    return (await this.database.prisma.worker.count({ where: { id } })) > 0;
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
}

const TOUCH: PreparedQuery = {
  name: 'worker-touch',
  text: 'update worker set heartbeat_at = now(), is_draining = $2 where id = $1 returning id',
};

const ONLINE_TRAINERS: PreparedQuery = {
  name: 'worker-online-trainers',
  text: `select distinct unnest(trainers) as trainer from worker
    where heartbeat_at > now() - $1::int * interval '1 millisecond' and not is_draining`,
};

const LIST: PreparedQuery = {
  name: 'worker-list',
  text: `select w.id, w.host, w.version, w.slots, w.gpus, w.trainers, w.heartbeat_at as "heartbeatAt", w.registered_at as "registeredAt",
      case when w.heartbeat_at < now() - $2::int * interval '1 millisecond' then 'offline' when w.is_draining then 'draining' else 'online' end as status,
      coalesce((select jsonb_agg(jsonb_build_object('jobId', j.id, 'attempt', j.attempt) order by j.started_at) from job j
        where j.worker_id = w.id and j.status = 'running' and j.tenant_id = $1), '[]'::jsonb) as jobs
    from worker w where w.heartbeat_at > now() - interval '7 days' order by w.registered_at desc, w.id`,
};
