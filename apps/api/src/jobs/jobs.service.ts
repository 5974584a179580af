import { Injectable } from '@nestjs/common';
import {
  type CreateJob,
  fieldError,
  type Job,
  type JobSeries,
  type ListJobsQuery,
  type Page,
  type UpdateJob,
} from '@influencerai/shared';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { newId } from '../http/new-id.js';
import type { Principal } from '../auth/principal.js';
import type { WithId } from '../idempotency/creation-id.js';
import { JobStateRepository } from './job-state.repository.js';
import { JobSpecs } from './job-specs.js';
import { JobSubmissionsRepository } from './job-submissions.repository.js';
import { JobsRepository } from './jobs.repository.js';

const DAY_MS = 86_400_000;
const WINDOW_DAYS = { day: 1, week: 7, month: 30 } as const;

@Injectable()
export class JobsService {
  constructor(
    private readonly jobs: JobsRepository,
    private readonly submissions: JobSubmissionsRepository,
    private readonly states: JobStateRepository,
    private readonly workers: WorkersRepository,
    private readonly dispatcher: Dispatcher,
    private readonly specs: JobSpecs,
  ) {}

  /** Submits a job. @throws AppError `dataset_not_found`, `lora_config_not_found`, `dataset_not_ready`, `dataset_kind_mismatch` */
  async create({ tenantId }: Principal, { id = newId(), ...input }: WithId<CreateJob>): Promise<Job> {
    const online = await this.workers.onlineTrainers();
    const job = await this.submissions.create(tenantId, id, input, (sources) =>
      this.specs.freeze(sources, { tenantId, id, online }),
    );
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

  /**
   * A report of a worker, or of a client that drives the job itself.
   * @throws AppError `validation_failed` when a worker does not say for which attempt it speaks
   */
  async update({ tenantId, scopes }: Principal, id: string, input: UpdateJob): Promise<Job> {
    if (!scopes.includes('write') && input.attempt === undefined)
      throw fieldError(['attempt'], 'Workers must name the attempt that they hold.');
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
}
