import { Injectable } from '@nestjs/common';
import { ACTIVE_STATUSES, AppError, type Project } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { DatasetRemovalsService } from '../uploads/dataset-removals.service.js';
import { START_STALE_MS } from './project-start.js';
import { mixIdOf } from './project-shares.js';
import { ProjectsRepository, type StartClaim } from './projects.repository.js';

const STAYS: ReadonlySet<string> = new Set(['dataset_not_found', 'dataset_in_use']);

/** Takes projects away, with the mixes that were drawn for them. Their jobs stay. */
@Injectable()
export class ProjectRemovalsService {
  constructor(
    private readonly projects: ProjectsRepository,
    private readonly removals: DatasetRemovalsService,
  ) {}

  /**
   * Deletes a project without an active job. Its mix goes first: after a death in between it is deleted again, and a start
   * would draw the same.
   * @throws AppError `project_not_found`, `project_active`, `project_starting`
   */
  async delete(caller: Principal, id: string): Promise<void> {
    const project = await this.projects.getById(caller.tenantId, id);
    const claim = await this.claim(project);
    try {
      const { datasetId } = project;
      await this.discard(caller, mixIdOf(id), id);
      // Of before their ids were those of their projects.
      if (datasetId !== null && datasetId !== mixIdOf(id)) await this.discard(caller, datasetId, id);
      await this.projects.remove(claim);
    } finally {
      await this.projects.releaseStart(claim);
    }
  }

  private async claim(project: Project): Promise<StartClaim> {
    const { tenantId, id } = project;
    const claim = await this.projects.claimRemoval(project, START_STALE_MS);
    if (claim) return claim;
    const { status, jobId } = await this.projects.getById(tenantId, id);
    if (jobId !== null && ACTIVE_STATUSES.some((active) => active === status))
      throw new AppError('project_active', { id, status });
    throw new AppError('project_starting', { id });
  }

  /** One that another project or an active job uses is a dataset like any other, and stays. */
  private async discard(caller: Principal, mix: string, id: string): Promise<void> {
    try {
      await this.removals.delete(caller, mix, { project: id });
    } catch (error) {
      if (!(error instanceof AppError) || !STAYS.has(error.code)) throw error;
    }
  }
}
