import { Inject, Injectable } from '@nestjs/common';
import { AppError, type FieldIssue, type JobPreview, type PreviewJob, type TrainingSpec } from '@influencerai/shared';
import {
  findModel,
  findTrainer,
  type HostFacts,
  type ModelEntry,
  type ModelRegistry,
  type Plan,
  type PlanContext,
  type Trainer,
} from '@influencerai/trainers';
import { Semaphore } from '../datasets/inspection/semaphore.js';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { MODELS } from '../models.js';
import { Storage } from '../storage/storage.js';
import type { Principal } from '../auth/principal.js';
import { listForPreview } from './job-preview.dataset.js';
import { toPreview, withoutHostPaths } from './job-preview.mapper.js';
import { JobSpecs } from './job-specs.js';
import { JobSubmissionsRepository } from './job-submissions.repository.js';

/** In place of an id, which a job gets when it is submitted. */
const NO_JOB = '00000000-0000-0000-0000-000000000000';
const WORKSPACE = '/workspace';
const CONCURRENCY = 2;

/** Plans jobs that nobody has submitted. It writes nothing. */
@Injectable()
export class JobPreviewService {
  // Plans of large datasets are large; requests for other things must get their turn.
  private readonly planning = new Semaphore(CONCURRENCY);

  constructor(
    @Inject(MODELS) private readonly models: ModelRegistry,
    private readonly submissions: JobSubmissionsRepository,
    private readonly workers: WorkersRepository,
    private readonly specs: JobSpecs,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError what `POST /jobs` throws, and `spec_unsupported`, `model_unavailable`, `dataset_unreadable` */
  preview({ tenantId }: Principal, input: PreviewJob): Promise<JobPreview> {
    return this.planning.run(async () => {
      await this.specs.check(tenantId, input.payload);
      const sources = await this.submissions.getSources(tenantId, input.payload);
      const online = await this.workers.onlineTrainers();
      const spec = await this.specs.freeze(sources, { tenantId, id: NO_JOB, online, trainer: input.trainer });
      const trainer = trainerOf(spec);
      const dataset = await listForPreview(this.storage, { tenantId, spec, stats: sources.dataset.stats });
      const { model, notes } = this.modelFor(spec, input);
      const context = { host: hostFacts(input), model, dataset: dataset.listing };
      return toPreview({ spec, plan: planFor(trainer, spec, context), model, dataset, notes });
    });
  }

  /** An entry for one trainer says nothing to another that the caller wants to compare with. */
  private modelFor(spec: TrainingSpec, { trainer }: PreviewJob): { model: ModelEntry | undefined; notes: string[] } {
    const entry = findModel(this.models, spec.baseModel);
    if (!entry || trainer === undefined || trainer === 'tiny' || entry.trainer === trainer) {
      return { model: entry && withoutHostPaths(entry), notes: [] };
    }
    const note = `The registry sets ${spec.baseModel} up for ${entry.trainer}; ${trainer} is planned with what it knows of that name.`;
    return { model: undefined, notes: [note] };
  }
}

const hostFacts = ({ host: { device, gpus } }: PreviewJob): HostFacts =>
  device === 'cpu' ? { device, gpus: 0 } : { device, gpus: gpus ?? 1 };

function trainerOf(spec: TrainingSpec): Trainer {
  const trainer = findTrainer(spec.trainer);
  const reason = !trainer
    ? 'this version knows it by name only'
    : `it learns from ${trainer.kinds.join(' or ')}, and the job is of kind ${spec.kind}`;
  if (trainer?.kinds.includes(spec.kind)) return trainer;
  throw withIssue(new AppError('spec_unsupported', { trainer: spec.trainer, reason }), ['trainer']);
}

function planFor(trainer: Trainer, spec: TrainingSpec, context: Pick<PlanContext, 'host' | 'model' | 'dataset'>): Plan {
  try {
    return trainer.plan(spec, { jobId: NO_JOB, attempt: 1, workspaceDir: WORKSPACE, ...context });
  } catch (error) {
    // The configuration names the model and the settings that the trainer refuses.
    if (error instanceof AppError && error.status < 500) throw withIssue(error, ['payload', 'loraConfigId']);
    throw error;
  }
}

const withIssue = (error: AppError, path: FieldIssue['path']): AppError =>
  new AppError(error.code, { ...error.details, issues: error.details.issues ?? [{ path, message: error.message }] });
