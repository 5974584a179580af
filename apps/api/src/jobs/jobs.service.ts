import { Inject, Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateJob,
  type Job,
  type JobSeries,
  type ListJobsQuery,
  type Page,
  type TrainerId,
  type TrainingSpec,
  type UpdateJob,
} from '@influencerai/shared';
import { resolveTrainer } from '@influencerai/trainers';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { CONFIG, type Config } from '../env.js';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { newId } from '../http/new-id.js';
import { Storage } from '../storage/storage.js';
import type { Principal } from '../tenants/principal.js';
import { JobStateRepository } from './job-state.repository.js';
import { type JobSources, JobsRepository } from './jobs.repository.js';
import { buildSpec, defaultOutputDir, outputName, type TrainerChoice } from './training-spec.js';

const DAY_MS = 86_400_000;
const WINDOW_DAYS = { day: 1, week: 7, month: 30 } as const;

@Injectable()
export class JobsService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: JobsRepository,
    private readonly states: JobStateRepository,
    private readonly workers: WorkersRepository,
    private readonly dispatcher: Dispatcher,
    private readonly storage: Storage,
  ) {}

  /** Submits a job. @throws AppError `dataset_not_found`, `lora_config_not_found`, `dataset_not_ready`, `dataset_kind_mismatch` */
  async create({ tenantId }: Principal, input: CreateJob): Promise<Job> {
    const id = newId();
    const online = await this.workers.onlineTrainers();
    const job = await this.jobs.create(tenantId, id, input, (sources) => this.freeze(id, sources, online));
    if (job.status === 'pending') this.dispatcher.announce([job]);
    return job;
  }

  get({ tenantId }: Principal, id: string): Promise<Job> {
    return this.jobs.getById(tenantId, id);
  }

  list({ tenantId }: Principal, query: ListJobsQuery): Promise<Page<Job>> {
    return this.jobs.list(tenantId, query);
  }

  /** Outcomes per day, from the start of the first day of the window. */
  async series({ tenantId }: Principal, window: JobSeries['window'], now = new Date()): Promise<JobSeries> {
    const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
    return { window, data: await this.jobs.series(tenantId, new Date(today - WINDOW_DAYS[window] * DAY_MS)) };
  }

  /** A report of a worker, or of a client that drives the job itself. */
  async update({ tenantId }: Principal, id: string, input: UpdateJob): Promise<Job> {
    const job = await this.states.report(tenantId, id, input);
    if (input.status === 'pending') this.dispatcher.announce([job]);
    if (input.status !== undefined && input.status !== 'running') this.dispatcher.wake();
    return job;
  }

  async cancel({ tenantId }: Principal, id: string): Promise<Job> {
    const job = await this.states.cancel(tenantId, id);
    this.dispatcher.wake();
    return job;
  }

  private async freeze(id: string, sources: JobSources, online: readonly TrainerId[]): Promise<TrainingSpec> {
    const { dataset, config } = sources;
    if (dataset.status !== 'ready') throw new AppError('dataset_not_ready', { id: dataset.id, status: dataset.status });
    const choice = this.chooseTrainer(sources, online);
    const dir = await this.ownOutputDir(id, config.outputPath?.replace(/\/+$/, '') ?? defaultOutputDir(config.name));
    return buildSpec(sources, choice, { dir, name: outputName(config.outputPath ?? defaultOutputDir(config.name)) });
  }

  private chooseTrainer({ dataset, config }: JobSources, online: readonly TrainerId[]): TrainerChoice {
    const { trainer: requestedTrainer, kind } = resolveTrainer(config.modelName, dataset.kind);
    if ((kind === 'image') !== (dataset.kind === 'lora-training')) {
      throw new AppError('dataset_kind_mismatch', { id: dataset.id, kind: dataset.kind, model: config.modelName });
    }
    const { trainerFallback } = this.config.jobs;
    const trainer = trainerFallback && !online.includes(requestedTrainer) ? trainerFallback : requestedTrainer;
    return { kind, trainer, requestedTrainer };
  }

  /** What lies in a folder already is never overwritten; the repository settles who of two new jobs gets a new one. */
  private async ownOutputDir(id: string, dir: string): Promise<string> {
    return (await this.storage.exists(dir)) ? `${dir}/${id}` : dir;
  }
}
