import { Injectable } from '@nestjs/common';
import { ACTIVE_STATUSES, AppError, isTerminal, JOB_STATUSES } from '@influencerai/shared';
import type { PoolClient } from 'pg';
import { TenantDatabase } from '../database/tenant-database.js';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import { START_STALE_MS } from '../projects/project-start.js';

/** Which projects keep a dataset from being removed. */
export interface RemovalRules {
  /** One that does not count, as it gives the dataset up. */
  project?: string;
  /** All that may still start, by default; or only those that are just being started. */
  keptBy?: 'projects' | 'starts';
}

/** Takes rows of datasets away. What an upload has brought is an upload again, so that its files are found after a crash. */
@Injectable()
export class DatasetRemovalsRepository {
  constructor(private readonly database: TenantDatabase) {}

  /**
   * Removes a dataset that no active job uses, nor a project that the rules count. Its row is locked first: a submission
   * that comes in between waits, and then finds no dataset.
   * @returns what is left to be cleaned up, with the room that it has; undefined for a folder that was there before
   * @throws AppError `dataset_not_found`, `dataset_in_use`
   */
  remove(
    tenantId: string,
    id: string,
    { project, keptBy = 'projects' }: RemovalRules = {},
  ): Promise<UploadClaim | undefined> {
    return this.take(tenantId, id, async (client) => {
      const values = [tenantId, id, ACTIVE_STATUSES, project, OVER, keptBy === 'starts', START_STALE_MS];
      const { rows } = await client.query<Uses>(COUNT_USES, values);
      return describe(rows[0]);
    });
  }

  /** The same for one that no job has ever used. */
  withdraw(tenantId: string, id: string): Promise<UploadClaim | undefined> {
    return this.take(tenantId, id, async (client) => {
      const { rowCount } = await client.query(FIND_JOB, [tenantId, id]);
      return rowCount === 0 ? undefined : 'a job';
    });
  }

  private take(
    tenantId: string,
    id: string,
    findUse: (client: PoolClient) => Promise<string | undefined>,
  ): Promise<UploadClaim | undefined> {
    if (!isUuid(id)) throw new AppError('dataset_not_found', { id });
    return this.database.transaction(tenantId, async (client) => {
      const locked = await client.query(LOCK, [tenantId, id]);
      if (locked.rowCount === 0) throw new AppError('dataset_not_found', { id });
      const by = await findUse(client);
      if (by !== undefined) throw new AppError('dataset_in_use', { id, by });
      const { rows } = await client.query<UploadClaim>(REMOVE, [tenantId, id, newId()]);
      return rows[0];
    });
  }
}

interface Uses {
  jobs: number;
  projects: number;
}

function describe({ jobs, projects }: Uses = { jobs: 0, projects: 0 }): string | undefined {
  const uses = [count(jobs, 'active job'), count(projects, 'project')].filter((use) => use !== undefined);
  return uses.length === 0 ? undefined : uses.join(' and ');
}

const count = (n: number, noun: string): string | undefined =>
  n === 0 ? undefined : `${n} ${noun}${n === 1 ? '' : 's'}`;

/** A project starts again after a failure alone. */
const OVER = JOB_STATUSES.filter((status) => isTerminal(status) && status !== 'failed');

const LOCK = 'select 1 from dataset where tenant_id = $1 and id = $2 for update';
const FIND_JOB = 'select 1 from job where tenant_id = $1 and dataset_id = $2 limit 1';

const COUNT_USES = `select
    (select count(*)::int from job where tenant_id = $1 and dataset_id = $2 and status = any($3::job_status[])) as jobs,
    (select count(*)::int from project p where p.tenant_id = $1 and p.id is distinct from $4::uuid and (p.dataset_id = $2
      or exists (select from project_dataset d where d.project_id = p.id and d.dataset_id = $2))
      and case when $6::boolean then p.starter is not null and p.starting_at > now() - $7::int * interval '1 millisecond'
        else not exists (
          select from job j where j.tenant_id = $1 and j.id = p.job_id and j.status = any($5::job_status[])
        ) end
    ) as projects`;

const REMOVE = `with gone as (
    delete from dataset where tenant_id = $1 and id = $2 returning id, tenant_id, upload
  ) insert into upload as u (id, tenant_id, protocol, holder, reserved_bytes)
    select id, tenant_id, 'form', $3, (upload->>'bytes')::bigint from gone where upload is not null
    on conflict (id) do update set holder = excluded.holder, touched_at = now(), registered_at = null,
      reserved_bytes = u.reserved_bytes + excluded.reserved_bytes
    returning id, tenant_id as "tenantId", holder`;
