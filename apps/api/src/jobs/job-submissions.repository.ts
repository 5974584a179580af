import { Inject, Injectable } from '@nestjs/common';
import {
  ADMITTED_STATUSES,
  AppError,
  type CreateJob,
  type CreateSession,
  type DatasetKind,
  type DatasetProblem,
  type DatasetStats,
  type DatasetStatus,
  type Job,
  type JobPayload,
  type TrainingSpec,
} from '@influencerai/shared';
import type pg from 'pg';
import { TenantDatabase } from '../database/tenant-database.js';
import { CONFIG, type Config } from '../env.js';
import { isUuid } from '../http/is-uuid.js';
import { quotaExceeded } from '../limits/quota-exceeded.js';
import { TenantRoots } from '../storage/tenant-roots.js';
import { fromRow, JOB_COLUMNS, type JobRow } from './job.mapper.js';
import { continuationOf, type DeletedSession, type Successor } from './sessions/session-continuation.js';
import { CONTINUE, FIND_DELETED } from './sessions/sessions.sql.js';
import { ADMITTED_OF_USER, IS_SPENT, PARKED_REASON, USER_HAS_ROOM } from './job-state.sql.js';

/** The dataset and the configuration of a job to be, locked until its row is committed. */
export interface JobSources {
  dataset: {
    id: string;
    /** Null: everybody's of the tenant. */
    userId: string | null;
    kind: DatasetKind;
    path: string;
    status: DatasetStatus;
    meta: Record<string, unknown>;
    stats: DatasetStats | null;
    problems: DatasetProblem[];
  };
  config: {
    name: string;
    modelName: string;
    epochs: number;
    learningRate: number;
    batchSize: number;
    resolution: number;
    networkDim: number;
    networkAlpha: number;
    outputPath: string | null;
    meta: Record<string, unknown>;
  };
  /** What was asked for besides them. */
  payload: Pick<JobPayload, 'triggerWords'>;
}

/** A job to be, and what its user may have. */
export interface JobInput extends CreateJob {
  id: string;
  userId?: string | undefined;
  /** How many jobs of its user may be admitted, unless the tenant has a limit of its own. */
  userLimit?: number | undefined;
  project?: ProjectStart | undefined;
}

/** The right to give a project its job. It ends when somebody takes the start over. */
export interface ProjectStart {
  id: string;
  starter: string;
}

/** Creates jobs, and reads what they are made of. */
@Injectable()
export class JobSubmissionsRepository {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly database: TenantDatabase,
    private readonly roots: TenantRoots,
  ) {}

  /**
   * The dataset and the configuration that a job would be made of, without locking them.
   * @throws AppError `dataset_not_found`, `lora_config_not_found`
   */
  async getSources(tenantId: string, payload: JobPayload): Promise<JobSources> {
    const dataset = await this.getDataset(tenantId, payload.datasetId);
    const find = (values: unknown[]) => this.database.query<JobSources['config']>(tenantId, FIND_CONFIG, values);
    const config = await configOf(payload, (id) => find([id, tenantId]));
    return { dataset, config, payload };
  }

  /** @throws AppError `dataset_not_found` */
  async getDataset(tenantId: string, id: string): Promise<JobSources['dataset']> {
    const [dataset] = isUuid(id)
      ? await this.database.query<JobSources['dataset']>(tenantId, FIND_DATASET, [id, tenantId])
      : [];
    if (!dataset) throw new AppError('dataset_not_found', { id });
    return dataset;
  }

  /**
   * Creates a job: `pending` when tenant and user have room, else `queued`. The tenant's row is locked, so that concurrent
   * submissions cannot pass a limit together; the configuration is locked against deletion.
   * A folder that another job writes to is replaced by one inside it.
   * @param decide turns the sources into the frozen spec; what it throws undoes everything.
   * @throws AppError `dataset_not_found`, `lora_config_not_found`, `quota_exceeded`, `session_name_taken`,
   *   `session_ending`, `project_starting`
   */
  async create(
    tenantId: string,
    input: JobInput,
    decide: (sources: JobSources) => Promise<TrainingSpec>,
  ): Promise<Job> {
    const { payload } = input;
    return this.submit({ tenantId, rerunOf: null, ...input }, async (client) => {
      const dataset = await readDataset(client, tenantId, payload.datasetId);
      const find = (id: string) => client.query<JobSources['config']>(LORA_CONFIG + LOCKED, [id, tenantId]);
      const config = await configOf(payload, async (id) => (await find(id)).rows);
      return decide({ dataset, config, payload });
    });
  }

  /**
   * Creates a job that repeats another one's spec, under the same limit. The configuration is not asked for: it may be
   * gone.
   * @param check looks at the dataset as it is then; what it throws undoes everything.
   * @throws AppError `dataset_not_found`, `quota_exceeded`
   */
  async rerun(rerun: Rerun, check: (dataset: JobSources['dataset']) => void): Promise<Job> {
    const { id, source, spec, priority, userId } = rerun;
    const { tenantId, type, payload, id: rerunOf } = source;
    const input = { tenantId, userId, id, type, payload: payload as JobPayload, priority, rerunOf };
    return this.submit(input, async (client) => {
      check(await readDataset(client, tenantId, spec.dataset.id));
      return spec;
    });
  }

  private submit(input: Submission, decide: (client: pg.PoolClient) => Promise<TrainingSpec>): Promise<Job> {
    const { tenantId, id, session, project } = input;
    return this.database.transaction(tenantId, async (client) => {
      const { maxQueued, ...limits } = await this.lockTenant(client, tenantId);
      const { queued, ...found } = await findBlocker(client, input, limits);
      const blocker = session?.steps === 0 ? PARKED_REASON : found.blocker;
      if (blocker !== null) assertQueueRoom(queued, maxQueued);
      const spec = await decide(client);
      const job = { ...input, blocker };
      const row = (await this.insert(client, job, spec)) ?? (await this.insert(client, job, inOwnFolder(spec, id)));
      if (!row) throw new Error(`The folder of job ${id} belongs to another job.`);
      if (session) await this.insertSession(client, row, { session, spec });
      if (project) await joinProject(client, row, project);
      return fromRow(row);
    });
  }

  private async lockTenant(client: pg.PoolClient, tenantId: string): Promise<TenantLimits & { maxQueued: number }> {
    const { rows } = await client.query<TenantLimits & { maxQueued: number }>(LOCK_TENANT, [
      tenantId,
      this.config.quotas.queuedJobs,
    ]);
    return rows[0] ?? { limit: 0, perUser: null, maxQueued: 0 };
  }

  /** @returns undefined when another job writes to the folder of the spec */
  private async insert(client: pg.PoolClient, job: NewJob, spec: TrainingSpec): Promise<JobRow | undefined> {
    const { id, tenantId, type, payload, priority, rerunOf, blocker, userId = null, userLimit = null } = job;
    const { rows } = await client.query<JobRow>(INSERT, [
      id,
      tenantId,
      type,
      blocker === null ? 'pending' : 'queued',
      spec.trainer,
      priority,
      payload,
      spec,
      spec.dataset.id,
      payload.loraConfigId ?? null,
      `data/${this.roots.keyOf({ tenantId, path: spec.output.dir })}`,
      blocker ?? 'Waiting for a free worker slot.',
      rerunOf,
      userId,
      userLimit,
    ]);
    return rows[0];
  }

  /** @throws AppError `session_name_taken`, `session_ending` */
  private async insertSession(client: pg.PoolClient, row: JobRow, { session, spec }: SessionInput): Promise<void> {
    const { id, tenant_id } = row;
    const { name = null, maxSteps, steps, idleSeconds } = session;
    const idleMs = idleSeconds === undefined ? this.config.jobs.sessionIdleMs : idleSeconds * 1000;
    const values = [id, tenant_id, name, maxSteps, Math.min(steps, maxSteps), idleMs];
    const { rowCount } = await client.query(INSERT_SESSION, values);
    if (rowCount === 0) throw new AppError('session_name_taken', { name });
    if (name !== null) await this.continueSession(client, row, { name, maxSteps, spec });
  }

  /**
   * Lets a new session go on from the deleted one of its name. Its states pass to the new job; nothing else reads them.
   * @throws AppError `session_ending`
   */
  private async continueSession(client: pg.PoolClient, { id, tenant_id }: JobRow, session: Successor): Promise<void> {
    const { rows } = await client.query<DeletedSession>(FIND_DELETED, [tenant_id, session.name]);
    const step = continuationOf(rows[0], session);
    if (step !== undefined) await client.query(CONTINUE, [tenant_id, rows[0]?.id, id, step]);
  }
}

interface SessionInput {
  session: CreateSession;
  spec: TrainingSpec;
}

interface TenantLimits {
  limit: number;
  /** Null: the tenant has none of its own. */
  perUser: number | null;
}

/** Why a job is not admitted. */
const limitReason = (whose: 'tenant' | 'user', limit: number): string =>
  `The ${whose}'s limit of ${limit} concurrent jobs is reached; it is admitted when one of them ends.`;

/** A job that is to repeat the spec of another. */
export interface Rerun {
  id: string;
  source: Job;
  /** The source's, with an output folder of its own. */
  spec: TrainingSpec;
  priority: number;
  userId?: string | undefined;
}

interface Submission {
  id: string;
  tenantId: string;
  type: string;
  payload: JobPayload;
  priority: number;
  rerunOf: string | null;
  userId?: string | undefined;
  userLimit?: number | undefined;
  session?: CreateSession | undefined;
  project?: ProjectStart | undefined;
}

interface NewJob extends Submission {
  /** Why it is queued; null when it is admitted. */
  blocker: string | null;
}

/** A folder inside the wanted one that carries the job's id, so that no two jobs ever share one. */
const inOwnFolder = (spec: TrainingSpec, id: string): TrainingSpec => ({
  ...spec,
  output: { ...spec.output, dir: `${spec.output.dir}/${id}` },
});

function assertQueueRoom(used: number, limit: number): void {
  if (used >= limit) throw quotaExceeded({ quota: 'queued jobs', limit, used, wanted: 1 });
}

/** @throws AppError `project_starting` when somebody else has taken the start over, which undoes the job */
async function joinProject(client: pg.PoolClient, { id, tenant_id }: JobRow, project: ProjectStart): Promise<void> {
  const { rowCount } = await client.query(JOIN_PROJECT, [tenant_id, project.id, project.starter, id]);
  if (rowCount === 0) throw new AppError('project_starting', { id: project.id });
}

/** Until the transaction ends, nobody deletes the row or changes it. */
const LOCKED = ' for share';

async function readDataset(client: pg.PoolClient, tenantId: string, id: string) {
  const found = isUuid(id) ? await client.query<JobSources['dataset']>(DATASET + LOCKED, [id, tenantId]) : undefined;
  if (!found?.rows[0]) throw new AppError('dataset_not_found', { id });
  return found.rows[0];
}

/** The values that a payload has itself, or those of the stored configuration that it names. */
async function configOf(
  { loraConfigId: id = '', config, name }: JobPayload,
  find: (id: string) => Promise<JobSources['config'][]>,
): Promise<JobSources['config']> {
  if (config) return { ...config, name: name ?? NAMELESS, outputPath: config.outputPath ?? null };
  const [stored] = isUuid(id) ? await find(id) : [];
  if (!stored) throw new AppError('lora_config_not_found', { id });
  return { ...stored, name: name ?? stored.name };
}

/** A job that names neither itself nor a configuration. */
const NAMELESS = 'lora';

/** Why the job cannot be admitted at once, and how many wait already; the tenant must be locked. */
async function findBlocker(
  client: pg.PoolClient,
  { tenantId, userId, userLimit }: Submission,
  { limit, perUser }: TenantLimits,
): Promise<{ queued: number; blocker: string | null }> {
  const { rows } = await client.query<Active>(ACTIVE, [tenantId, ADMITTED_STATUSES, userId ?? null]);
  const { admitted = 0, ofUser = 0, queued = 0, isOverdue = false } = rows[0] ?? {};
  const ownLimit = perUser ?? userLimit ?? Infinity;
  // Nobody overtakes a job that could have been admitted: the dispatcher is about to do that.
  if (admitted >= limit || isOverdue) return { queued, blocker: limitReason('tenant', limit) };
  return { queued, blocker: ofUser >= ownLimit ? limitReason('user', ownLimit) : null };
}

interface Active {
  admitted: number;
  queued: number;
  ofUser: number;
  /** Whether a job waits whose user has room. */
  isOverdue: boolean;
}

const LOCK_TENANT = `select max_concurrent_jobs as limit, max_concurrent_jobs_per_user as "perUser", coalesce(max_queued_jobs, $2::int) as "maxQueued" from tenant
  where id = $1 for no key update`;

const DATASET = `select id, user_id as "userId", kind, path, status, meta, stats, problems
  from dataset where id = $1 and tenant_id = $2`;

const LORA_CONFIG = `select name, model_name as "modelName", epochs, learning_rate as "learningRate", batch_size as "batchSize", resolution,
  network_dim as "networkDim", network_alpha as "networkAlpha", output_path as "outputPath", meta
  from lora_config where id = $1 and tenant_id = $2`;

const FIND_DATASET = { name: 'job-source-dataset', text: DATASET };
const FIND_CONFIG = { name: 'job-source-config', text: LORA_CONFIG };

/** $1 tenant, $2 admitted states, $3 user. Jobs of callers without a user are counted as those of one. */
const ACTIVE = `with total as (
    select coalesce(sum(count) filter (where status = any($2::job_status[])), 0)::int as admitted,
      coalesce(sum(count) filter (where status = 'queued'), 0)::int as queued from job_count where tenant_id = $1
  ) select admitted, queued, (${ADMITTED_OF_USER('$1', '$3')})::int as "ofUser",
    queued > 0 and exists (
      select from job q join tenant t on t.id = q.tenant_id
      where q.tenant_id = $1 and q.status = 'queued' and ${USER_HAS_ROOM('q', 't')}
        and not ${IS_SPENT('q')}) as "isOverdue"
  from total`;

const INSERT_SESSION = `insert into job_session (job_id, tenant_id, name, max_steps, allowed_steps, idle_ms)
  values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, name) do nothing`;

const JOIN_PROJECT = `update project set job_id = $4, starter = null, updated_at = now()
  where tenant_id = $1 and id = $2 and starter = $3`;

/**
 * `notified_at` is set because the wake-up is sent right after the commit; the sweep repeats it if it gets lost. A folder
 * that is taken is looked for first, since a row that meets the conflict has used up a number already.
 */
const INSERT = `with j as (
    insert into job (id, tenant_id, type, status, trainer, priority, payload, spec, dataset_id, lora_config_id, output_dir,
      waiting_reason, rerun_of, user_id, user_limit, notified_at, updated_at)
    select $1, $2, $3, $4::job_status, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, case when $4 = 'pending' then now() end, now()
    where not exists (select from job where output_dir = $11)
    on conflict (output_dir) do nothing
    returning *
  ), event as (
    insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'status', jsonb_build_object('from', null, 'to', status, 'reason', 'Submitted.', 'attempt', 0) from j
  ) select ${JOB_COLUMNS} from j`;
