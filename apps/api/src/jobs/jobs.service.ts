import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import {
  AppError,
  type CreateJob,
  fieldError,
  type Job,
  type JobSeries,
  type ListJobsQuery,
  type Page,
  type TrainerId,
  type TrainingSpec,
  type UpdateJob,
} from '@influencerai/shared';
import { Dispatcher } from '../dispatcher/dispatcher.js';
import { WorkersRepository } from '../fleet/workers.repository.js';
import { newId } from '../http/new-id.js';
import { type Patience, waitFor } from '../http/wait-for.js';
import type { Principal } from '../auth/principal.js';
import type { WithId } from '../idempotency/creation-id.js';
import { JobStateRepository } from './job-state.repository.js';
import { JobSpecs } from './job-specs.js';
import { JobSubmissionsRepository, type ProjectStart } from './job-submissions.repository.js';
import { type JobBrief, type JobRecord, JobsRepository, type ListRecordsQuery } from './jobs.repository.js';
import { SessionsRepository } from './sessions/sessions.repository.js';

export type { JobBrief, JobRecord } from './jobs.repository.js';

const DAY_MS = 86_400_000;
const WINDOW_DAYS = { day: 1, week: 7, month: 30 } as const;

/** What a contract asks beyond the rules that hold for everybody. */
export interface SubmitRules {
  /** A dataset that has a user is for that user alone. */
  isDatasetOwn?: boolean;
  /** How many jobs of a user may be pending or running, unless the tenant has a limit of its own. */
  jobsPerUser?: number;
  /** Where the results go, in place of what the configuration says. */
  outputDir?: string;
  /** The project whose job it becomes, while its start is still the caller's. */
  project?: ProjectStart;
  /** A base model that nothing here could train on is refused. */
  isModelChecked?: boolean;
  /** The program that its clients expect, where the base model does not call for another. */
  trainer?: TrainerId;
  /** How long its client waits for a deleted session to be saved that it goes on from. */
  patience?: Patience;
}

@Injectable()
export class JobsService implements OnModuleDestroy {
  private readonly closing = new AbortController();

  constructor(
    private readonly jobs: JobsRepository,
    private readonly submissions: JobSubmissionsRepository,
    private readonly states: JobStateRepository,
    private readonly workers: WorkersRepository,
    private readonly dispatcher: Dispatcher,
    private readonly specs: JobSpecs,
    private readonly sessions: SessionsRepository,
  ) {}

  onModuleDestroy(): void {
    this.closing.abort();
  }

  /**
   * Submits a job, or a session.
   * @throws AppError `dataset_not_found`, `dataset_of_other_user`, `lora_config_not_found`, `dataset_not_ready`,
   * `dataset_kind_mismatch`, `model_unknown`, `session_name_taken`,
   * `session_ending`, `project_starting`
   */
  async create(
    { tenantId, userId }: Principal,
    { id = newId(), ...input }: WithId<CreateJob>,
    {
      isDatasetOwn = false,
      jobsPerUser,
      isModelChecked,
      trainer: preferred,
      outputDir,
      project,
      patience,
    }: SubmitRules = {},
  ): Promise<Job> {
    await this.specs.check(tenantId, input.payload);
    const { name, maxSteps } = input.session ?? {};
    const wanted = { ...input, id, userId, userLimit: jobsPerUser, project };
    const submit = async (): Promise<Job> => {
      const online = await this.workers.onlineTrainers();
      return this.submissions.create(tenantId, wanted, (sources) => {
        if (isDatasetOwn && isOfOther(userId, sources.dataset))
          throw new AppError('dataset_of_other_user', { id: sources.dataset.id });
        return this.specs.freeze(sources, { tenantId, id, online, preferred, outputDir, maxSteps, isModelChecked });
      });
    };
    const job = await submit().catch((error: unknown) => {
      const isEnding = error instanceof AppError && error.code === 'session_ending';
      if (!isEnding || name === undefined || !patience) throw error;
      return this.onceSaved(submit, { tenantId, name, patience, error });
    });
    if (job.status === 'pending') this.dispatcher.announce([job]);
    return job;
  }

  get({ tenantId }: Principal, id: string): Promise<Job> {
    return this.jobs.getById(tenantId, id);
  }

  /** What a job was frozen with. @throws AppError `job_not_found` */
  async getSpec({ tenantId }: Principal, id: string): Promise<TrainingSpec> {
    return (await this.jobs.getRecord(tenantId, id)).spec;
  }

  /**
   * A job with what it was frozen with.
   * @param kind jobs of the other are not found
   * @throws AppError `job_not_found`
   */
  async getRecord({ tenantId }: Principal, id: string, kind?: TrainingSpec['kind']): Promise<JobRecord> {
    const record = await this.jobs.getRecord(tenantId, id);
    if (kind !== undefined && record.spec.kind !== kind) throw new AppError('job_not_found', { id });
    return record;
  }

  /** As {@link get}, where a job that has a user is for that user alone. @throws AppError `job_of_other_user` */
  async getOwn(caller: Principal, id: string): Promise<Job> {
    const job = await this.get(caller, id);
    if (isOfOther(caller.userId, job)) throw new AppError('job_of_other_user', { id });
    return job;
  }

  list({ tenantId }: Principal, query: ListJobsQuery): Promise<Page<Job>> {
    return this.jobs.list(tenantId, query);
  }

  /** The same jobs with what they were frozen with. */
  listRecords({ tenantId }: Principal, query: ListRecordsQuery): Promise<Page<JobRecord>> {
    return this.jobs.listRecords(tenantId, query);
  }

  /** How many jobs wait for a worker, or for room. */
  async countWaiting(caller: Principal): Promise<number> {
    const waiting = (['pending', 'queued'] as const).map((status) => this.list(caller, { status, take: 1, skip: 0 }));
    return (await Promise.all(waiting)).reduce((sum, { total }) => sum + total, 0);
  }

  /** The same jobs, with as much of them as long lists need. */
  listBriefs({ tenantId }: Principal, query: ListJobsQuery): Promise<Page<JobBrief>> {
    return this.jobs.listBriefs(tenantId, query);
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
    // Before the status: whether there is something left to run decides what becomes of a job that is handed back.
    if (input.steps !== undefined) await this.sessions.noteSteps(tenantId, id, input);
    const job = await this.states.report(tenantId, id, input);
    if (input.status === 'pending' && job.status === 'pending') this.dispatcher.announce([job]);
    if (input.status !== undefined && input.status !== 'running') this.dispatcher.wake();
    return job;
  }

  async cancel({ tenantId }: Principal, id: string): Promise<Job> {
    const job = await this.states.cancel(tenantId, id);
    this.dispatcher.wake();
    return job;
  }

  /** Submits when the deleted session of the name is saved; never for a client that has gone meanwhile. */
  private async onceSaved(submit: () => Promise<Job>, { tenantId, name, patience, error }: Ending): Promise<Job> {
    const signals = [this.closing.signal, patience.signal].filter((signal) => signal !== undefined);
    const isEnding = await waitFor(
      () => this.sessions.isEnding(tenantId, name),
      (seen) => !seen,
      { ...patience, signal: AbortSignal.any(signals) },
    );
    if (isEnding || patience.signal?.aborted) throw error;
    return submit();
  }
}

interface Ending {
  tenantId: string;
  name: string;
  patience: Patience;
  /** What a client is told that need not wait any longer. */
  error: AppError;
}

/** What has no user is everybody's of the tenant, and a caller without one speaks for the tenant. */
const isOfOther = (userId: string | undefined, owned: { userId: string | null }): boolean =>
  userId !== undefined && owned.userId !== null && owned.userId !== userId;
