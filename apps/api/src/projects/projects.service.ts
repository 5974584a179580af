import { dirname } from 'node:path/posix';
import { Injectable } from '@nestjs/common';
import {
  type CreateProject,
  fieldError,
  type ListProjectsQuery,
  type Page,
  type Project,
  type UpdateProject,
} from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { DatasetsService } from '../datasets/datasets.service.js';
import { assertMeta, assertStorable } from '../http/json-limits.js';
import { newId } from '../http/new-id.js';
import type { WithId } from '../idempotency/creation-id.js';
import { problemOfOutputPath } from '../storage/output-path.js';
import { Storage } from '../storage/storage.js';
import { ProjectsRepository } from './projects.repository.js';

/** Where results are expected; it counts as there before the first. */
const RESULTS = 'data/output';

/** Projects: what a model is to learn, and from which datasets. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly projects: ProjectsRepository,
    private readonly datasets: DatasetsService,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError `validation_failed`, `dataset_not_found` */
  async create(caller: Principal, { id = newId(), ...input }: WithId<CreateProject>): Promise<Project> {
    const { tenantId, userId } = caller;
    assertStorable([input.name, input.description, input.baseModel]);
    assertMeta(input.config.meta);
    await this.assertOutputDirectory(caller, input.outputDirectory);
    for (const [trait, { datasets }] of input.traits.entries())
      for (const [index, { datasetId }] of datasets.entries()) {
        const { kind } = await this.datasets.get(caller, datasetId);
        const field = ['traits', trait, 'datasets', index, 'datasetId'];
        if (kind !== 'fine-tuning') throw fieldError(field, 'Must name a dataset of the kind fine-tuning.');
      }
    return this.projects.create(tenantId, { ...input, id, userId });
  }

  /** Newest first. */
  list({ tenantId }: Principal, query: ListProjectsQuery): Promise<Page<Project>> {
    return this.projects.list(tenantId, query);
  }

  /** @throws AppError `project_not_found` */
  get({ tenantId }: Principal, id: string): Promise<Project> {
    return this.projects.getById(tenantId, id);
  }

  /** @throws AppError `project_not_found`, `validation_failed` */
  async update(caller: Principal, id: string, { name, description }: UpdateProject): Promise<Project> {
    assertStorable(name, undefined, ['name']);
    assertStorable(description, undefined, ['description']);
    if (name === undefined && description === undefined) return this.get(caller, id);
    return this.projects.update(caller.tenantId, id, { name, description });
  }

  /** Whether results could be written there. @throws AppError `validation_failed` on `outputDirectory` */
  async assertOutputDirectory({ tenantId }: Principal, outputDirectory: string): Promise<void> {
    const problem = problemOfOutputPath(outputDirectory);
    if (problem) throw fieldError(['outputDirectory'], problem);
    await this.storage.assertWritable({ tenantId, path: outputDirectory }, 'outputDirectory');
  }

  /**
   * The same for a directory that is there, or that only has to be made: its parent is there, or is the one for results.
   * @throws AppError `validation_failed` on `outputDirectory`
   */
  async assertOutputDirectoryFound(caller: Principal, outputDirectory: string): Promise<void> {
    await this.assertOutputDirectory(caller, outputDirectory);
    const parent = dirname(outputDirectory);
    if ([outputDirectory, parent].includes(RESULTS)) return;
    const { tenantId } = caller;
    for (const path of [outputDirectory, parent]) if (await this.storage.exists({ tenantId, path })) return;
    throw fieldError(['outputDirectory'], 'There is no such directory, nor one that it could be made in.');
  }
}
