import { Injectable } from '@nestjs/common';
import {
  ACTIVE_STATUSES,
  AppError,
  type CreateProject,
  JOB_STATUSES,
  type JobStatus,
  type ListProjectsQuery,
  type Page,
  type Project,
  type UpdateProject,
} from '@influencerai/shared';
import { TenantDatabase } from '../database/tenant-database.js';
import { isForeignKeyViolation } from '../database/foreign-key-violation.js';
import type { Prisma } from '../database/generated/client.js';
import type { PreparedQuery } from '../database/connections.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import type { ProjectStart } from '../jobs/job-submissions.repository.js';
import { fromRow } from './project.mapper.js';

/** Who starts a project, and for whom. */
export interface StartClaim extends ProjectStart {
  tenantId: string;
}

/** A mix that was drawn, with the rows that each dataset gave. */
export interface DrawnMix {
  datasetId: string;
  rows: readonly { datasetId: string; rows: number }[];
}

const WITH_PARTS = {
  job: { select: { number: true, status: true, result: true } },
  traits: {
    orderBy: { position: 'asc' },
    include: { datasets: { orderBy: { position: 'asc' } } },
  },
} as const;

@Injectable()
export class ProjectsRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** @throws AppError `dataset_not_found` for one that is not the tenant's, or not any more */
  async create(tenantId: string, input: NewProject): Promise<Project> {
    const { traits, ...fields } = input;
    const parts = traits.map(({ type, percentage, datasets }, position) => {
      const shares = datasets.map((share, index) => ({ ...share, position: index }));
      return { position, type, percentage, datasets: { create: shares } };
    });
    const data = { ...fields, tenantId, traits: { create: parts } };
    const insert = (prisma: Prisma.TransactionClient) => prisma.project.create({ data, include: WITH_PARTS });
    try {
      return fromRow(await this.database.write(tenantId, insert));
    } catch (error) {
      if (isForeignKeyViolation(error)) await this.assertDatasets(tenantId, traits);
      throw error;
    }
  }

  private async assertDatasets(tenantId: string, traits: NewProject['traits']): Promise<void> {
    const ids = traits.flatMap(({ datasets }) => datasets.map(({ datasetId }) => datasetId));
    const find = { where: { tenantId, id: { in: ids } }, select: { id: true } };
    const found = await this.database.read(tenantId, (prisma) => prisma.dataset.findMany(find));
    const gone = ids.find((id) => !found.some((dataset) => dataset.id === id));
    if (gone !== undefined) throw new AppError('dataset_not_found', { id: gone });
  }

  /** @throws AppError `project_not_found` */
  async getById(tenantId: string, id: string): Promise<Project> {
    const find = { where: { tenantId, id }, include: WITH_PARTS };
    const row = isUuid(id) ? await this.database.read(tenantId, (prisma) => prisma.project.findFirst(find)) : null;
    if (!row) throw new AppError('project_not_found', { id });
    return fromRow(row);
  }

  /** Newest first. */
  async list(tenantId: string, { take, skip }: ListProjectsQuery): Promise<Page<Project>> {
    const where = { tenantId };
    const orderBy = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
    const { rows, total } = await this.database.read(tenantId, async (prisma) => ({
      rows: await prisma.project.findMany({ where, take, skip, orderBy, include: WITH_PARTS }),
      total: await prisma.project.count({ where }),
    }));
    return { data: rows.map(fromRow), total, take, skip };
  }

  /** @throws AppError `project_not_found` */
  async update(tenantId: string, id: string, input: UpdateProject): Promise<Project> {
    const change = { where: { tenantId, id }, data: { ...input, updatedAt: new Date() } };
    if (isUuid(id)) await this.database.write(tenantId, (prisma) => prisma.project.updateMany(change));
    return this.getById(tenantId, id);
  }

  /**
   * Begins a start, of a project that has no job or whose job has failed.
   * @param seen the project as the caller has read it; its job must still be that one
   * @param staleMs who has been silent for so long has died
   * @returns undefined when somebody else is starting it or has started it, or it cannot start any more
   */
  claimStart(seen: SeenProject, staleMs: number): Promise<StartClaim | undefined> {
    return this.claim(seen, { staleMs, blockers: NOT_FAILED });
  }

  /**
   * Begins a removal, as a start is begun, of a project without an active job.
   * @returns undefined when somebody starts it or has started it, or its job is active
   */
  claimRemoval(seen: SeenProject, staleMs: number): Promise<StartClaim | undefined> {
    return this.claim(seen, { staleMs, blockers: ACTIVE_STATUSES });
  }

  /** Removes a project, if it is still the claim's. */
  async remove({ tenantId, id, starter }: StartClaim): Promise<void> {
    await this.database.query(tenantId, REMOVE, [tenantId, id, starter]);
  }

  /** A sign of life. */
  async touchStart({ tenantId, id, starter }: StartClaim): Promise<void> {
    await this.database.query(tenantId, TOUCH, [tenantId, id, starter]);
  }

  /** Ends a start that has made no job; one that has made one is over. */
  async releaseStart({ tenantId, id, starter }: StartClaim): Promise<void> {
    await this.database.query(tenantId, RELEASE, [tenantId, id, starter]);
  }

  /** Notes the mix. @throws AppError `project_starting` when somebody else has taken the start over */
  async noteMix({ tenantId, id, starter }: StartClaim, { datasetId, rows }: DrawnMix): Promise<void> {
    const ids = rows.map((row) => row.datasetId);
    const counts = rows.map((row) => row.rows);
    const noted = await this.database.query(tenantId, NOTE_MIX, [tenantId, id, starter, datasetId, ids, counts]);
    if (noted.length === 0) throw new AppError('project_starting', { id });
  }

  private async claim(
    { tenantId, id, jobId }: SeenProject,
    { staleMs, blockers }: ClaimRules,
  ): Promise<StartClaim | undefined> {
    const starter = newId();
    const [row] = await this.database.query(tenantId, CLAIM, [tenantId, id, starter, staleMs, jobId, blockers]);
    return row && { tenantId, id, starter };
  }
}

/** A project to be, with the id that it is to get. */
export interface NewProject extends CreateProject {
  id: string;
  userId: string | undefined;
}

type SeenProject = Pick<Project, 'tenantId' | 'id' | 'jobId'>;

interface ClaimRules {
  staleMs: number;
  /** States of its job that stand against it. */
  blockers: readonly JobStatus[];
}

const NOT_FAILED = JOB_STATUSES.filter((status) => status !== 'failed');

const CLAIM: PreparedQuery = {
  name: 'project-claim',
  text: `update project p set starter = $3::uuid, starting_at = now() where tenant_id = $1 and id = $2
      and p.job_id is not distinct from $5::uuid
      and (starter is null or starting_at < now() - $4::int * interval '1 millisecond')
      and not exists (select from job j where j.tenant_id = p.tenant_id and j.id = p.job_id
        and j.status = any($6::job_status[]))
    returning id`,
};

const TOUCH: PreparedQuery = {
  name: 'project-touch-start',
  text: 'update project set starting_at = now() where tenant_id = $1 and id = $2 and starter = $3::uuid',
};

const RELEASE: PreparedQuery = {
  name: 'project-release-start',
  text: 'update project set starter = null where tenant_id = $1 and id = $2 and starter = $3::uuid',
};

const REMOVE: PreparedQuery = {
  name: 'project-remove',
  text: 'delete from project where tenant_id = $1 and id = $2 and starter = $3::uuid',
};

const NOTE_MIX: PreparedQuery = {
  name: 'project-note-mix',
  text: `with noted as (
      update project set dataset_id = $4::uuid, starting_at = now(), updated_at = now()
      where tenant_id = $1 and id = $2 and starter = $3::uuid returning id
    ), counted as (
      update project_dataset d set rows = c.rows from noted, unnest($5::uuid[], $6::int[]) as c (dataset_id, rows)
      where d.tenant_id = $1 and d.project_id = noted.id and d.dataset_id = c.dataset_id
    ) select id from noted`,
};
