import { Injectable, Logger } from '@nestjs/common';
import { AppError, cutText, type Dataset, type JobPayload, type Project } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { BaseModelsService } from '../base-models/base-models.service.js';
import { DatasetMixesService } from '../dataset-mixes/dataset-mixes.service.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { JobsService } from '../jobs/jobs.service.js';
import { DatasetRemovalsService } from '../uploads/dataset-removals.service.js';
import { START_STALE_MS } from './project-start.js';
import { mixIdOf, sharesOf } from './project-shares.js';
import { type DrawnMix, ProjectsRepository, type StartClaim } from './projects.repository.js';

const TOUCH_MS = 10_000;
const MAX_JOB_NAME = 100;

/** Starts projects: one mix, one job. Whoever begins writes so into the row first, and only who stands there gets a job. */
@Injectable()
export class ProjectStartsService {
  private readonly logger = new Logger(ProjectStartsService.name);

  constructor(
    private readonly projects: ProjectsRepository,
    private readonly models: BaseModelsService,
    private readonly mixes: DatasetMixesService,
    private readonly datasets: DatasetsService,
    private readonly removals: DatasetRemovalsService,
    private readonly jobs: JobsService,
  ) {}

  /**
   * Draws the mix, unless an earlier start has, and submits the job. A start that broke off can be repeated.
   * @throws AppError `project_not_found`, `project_start_refused`, `project_starting`, `model_not_available`,
   *   `project_dataset_gone`, `dataset_not_ready`, `dataset_in_use`, and what drawing a mix and submitting a job throw
   */
  async start(caller: Principal, id: string): Promise<Project> {
    const { tenantId } = caller;
    const project = await this.projects.getById(tenantId, id);
    assertStartable(project);
    if (project.trainingType !== 'retrieval') await this.models.get(project.baseModel);
    const claim = await this.claim(project);
    const timer = setInterval(() => void this.touch(claim), TOUCH_MS);
    try {
      const datasetId = await this.mixOf(caller, project, claim);
      const rules = { outputDir: project.outputDirectory, project: claim };
      const { status } = await this.jobs.create(
        caller,
        { type: 'lora-training', priority: 0, payload: payloadOf(project, datasetId) },
        rules,
      );
      // As it was submitted: by now a worker may have it.
      return { ...(await this.projects.getById(tenantId, id)), status };
    } finally {
      clearInterval(timer);
      await this.projects.releaseStart(claim);
    }
  }

  private async claim(project: Project): Promise<StartClaim> {
    const { tenantId, id } = project;
    const claim = await this.projects.claimStart(project, START_STALE_MS);
    if (claim) return claim;
    assertStartable(await this.projects.getById(tenantId, id));
    throw new AppError('project_starting', { id });
  }

  /** The same seed draws the same rows, so that what was drawn before is as good as new, also by a start that died. */
  private async mixOf(caller: Principal, project: Project, claim: StartClaim): Promise<string> {
    const dataset = (await this.findMix(caller, project)) ?? (await this.draw(caller, project));
    if (dataset.id !== project.datasetId)
      await this.projects.noteMix(claim, { datasetId: dataset.id, rows: rowsOf(dataset) });
    return dataset.id;
  }

  /** One that failed is of no use any more, and its room is the new one's. */
  private async findMix(caller: Principal, { id, datasetId }: Project): Promise<Dataset | undefined> {
    const drawn = await this.datasets.find(caller, datasetId ?? mixIdOf(id));
    if (drawn?.status !== 'failed') return drawn;
    await this.removals.delete(caller, drawn.id, { project: id });
    return undefined;
  }

  private async draw(caller: Principal, project: Project): Promise<Dataset> {
    await this.assertSources(caller, project);
    const { maxRows, seed, name, id } = project;
    const mix = { shares: sharesOf(project), maxRows, seed, name, meta: { projectId: id } };
    return this.mixes.create(caller, mixIdOf(id), mix);
  }

  /** Another face lets datasets of projects go. @throws AppError `project_dataset_gone` */
  private async assertSources(caller: Principal, { id, traits }: Project): Promise<void> {
    const gone: number[] = [];
    for (const { datasetId, datasetNumber } of traits.flatMap(({ datasets }) => datasets))
      if (!(await this.datasets.find(caller, datasetId))) gone.push(datasetNumber);
    if (gone.length > 0) throw new AppError('project_dataset_gone', { id, numbers: gone.join(', ') });
  }

  private async touch(claim: StartClaim): Promise<void> {
    try {
      await this.projects.touchStart(claim);
    } catch (error) {
      this.logger.warn({ err: error, projectId: claim.id }, 'A sign of life could not be written; the next one may.');
    }
  }
}

function assertStartable({ id, status, jobId }: Project): void {
  if (jobId !== null && status !== 'failed') throw new AppError('project_start_refused', { id, status });
}

/** What the mix says that it was made of. */
const rowsOf = ({ meta }: Dataset): DrawnMix['rows'] => (meta['mix'] as unknown as DrawnMix).rows;

const payloadOf = ({ name, baseModel, trainingType, config }: Project, datasetId: string): JobPayload => ({
  datasetId,
  name: cutText(name, MAX_JOB_NAME).trim(),
  config: { ...config, modelName: baseModel, meta: { ...config.meta, method: trainingType } },
});
