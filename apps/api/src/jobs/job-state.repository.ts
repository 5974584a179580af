import { Inject, Injectable } from '@nestjs/common';
import {
  AppError,
  type ClaimedJob,
  type Directive,
  type HeldJob,
  isTerminal,
  type Job,
  JOB_TRANSITIONS,
  type JobStatus,
  sourcesOf,
  type TrainerId,
  type TrainingSpec,
  type UpdateJob,
} from '@influencerai/shared';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { CONFIG, type Config } from '../env.js';
import { isUuid } from '../http/is-uuid.js';
import { TenantRoots } from '../storage/tenant-roots.js';
import { fromRow, JOB_COLUMNS, type JobRow } from './job.mapper.js';
import * as sql from './job-state.sql.js';

/** A job that just became `pending` and whose workers should be woken. */
export interface PendingJob {
  id: string;
  trainer: TrainerId;
  attempt: number;
}

/**
 * The only writer of a job's status. Every write is one statement that locks the row, checks the state table and the
 * fence, changes the row and appends the event, so that no crash can leave one without the other.
 */
@Injectable()
export class JobStateRepository {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly database: Database,
    private readonly roots: TenantRoots,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * What `PATCH /jobs/:id` does: progress, result and cost, and a change of status where the state table allows it.
   * The same final report twice changes nothing the second time.
   * @throws AppError `job_not_found`, `job_attempt_stale`, `job_transition_refused`
   */
  async report(tenantId: string, id: string, input: UpdateJob): Promise<Job> {
    if (!isUuid(id)) throw new AppError('job_not_found', { id });
    const isProgress = input.status === undefined || input.status === 'running';
    const row =
      (isProgress && (await this.writeProgress(tenantId, id, input))) || (await this.transition(tenantId, id, input));
    if (row) return fromRow(row);
    return this.explainRefusal(tenantId, id, input);
  }

  /** Marks a waiting job cancelled, or asks the worker that holds it to stop. @throws AppError */
  async cancel(tenantId: string, id: string): Promise<Job> {
    if (!isUuid(id)) throw new AppError('job_not_found', { id });
    const [row] = await this.tenants.query<JobRow>(tenantId, sql.CANCEL, [id, tenantId]);
    if (row) return fromRow(row);
    return this.explainRefusal(tenantId, id, { status: 'cancelled' });
  }

  /** Gives the fairest waiting job to a worker: one attempt, with a lease. */
  async claim(workerId: string, trainers: readonly TrainerId[], leaseMs: number): Promise<ClaimedJob | null> {
    return this.database.transaction(async (client) => {
      await client.query(sql.LOCK_CLAIMS);
      const { rows } = await client.query<ClaimRow>({
        ...sql.CLAIM,
        values: [workerId, trainers, leaseMs],
      });
      const [row] = rows;
      if (!row) return null;
      const { id: jobId, tenant_id: tenantId, attempt, spec, session } = row;
      return { jobId, tenantId, attempt, spec, storageRoot: this.roots.rootOf(tenantId), leaseMs, session };
    });
  }

  /** Extends the leases of the attempts that a worker holds and says what it must do with each. */
  async extendLeases(workerId: string, held: readonly HeldJob[], leaseMs: number): Promise<Directive[]> {
    if (held.length === 0) return [];
    const rows = await this.database.query<LeaseRow>(sql.EXTEND_LEASES, [workerId, JSON.stringify(held), leaseMs]);
    const kept = new Map(rows.map((row) => [`${row.id}/${row.attempt}`, toOrders(row)]));
    return held.map((job) => ({ ...job, ...(kept.get(`${job.jobId}/${job.attempt}`) ?? { directive: 'stop' }) }));
  }

  /** Ends the attempts whose lease ran out: back to `pending`, or over when interrupted too often. */
  async interruptExpired(maxAttempts: number): Promise<PendingJob[]> {
    return this.interrupt(sql.INTERRUPT_EXPIRED, [maxAttempts, attemptsExhausted(maxAttempts)]);
  }

  /** Ends the attempts of a worker that came back without them. */
  async interruptForgotten(workerId: string, held: readonly HeldJob[], maxAttempts: number): Promise<PendingJob[]> {
    return this.interrupt(sql.INTERRUPT_FORGOTTEN, [
      maxAttempts,
      attemptsExhausted(maxAttempts),
      workerId,
      JSON.stringify(held),
    ]);
  }

  /**
   * Notes that the dispatcher looks. When none has for half a lease, nobody could extend one: every running attempt gets
   * a fresh lease, so that workers that live have time to say so.
   */
  async renewUnwatchedLeases(leaseMs: number): Promise<void> {
    await this.database.query(sql.RENEW_UNWATCHED_LEASES, [leaseMs]);
  }

  /** Admits queued jobs of tenants with room, by priority and age. */
  async admit(): Promise<PendingJob[]> {
    return this.database.transaction(async (client) => {
      const { rows: tenants } = await client.query<{ id: string }>(sql.LOCK_TENANTS_WITH_QUEUED);
      if (tenants.length === 0) return [];
      const { rows } = await client.query<PendingJob>({ ...sql.ADMIT, values: [tenants.map((tenant) => tenant.id)] });
      return rows;
    });
  }

  /** Pending jobs whose last wake-up is older than `renotifyMs`; marks them as woken. */
  async takeUnnoticed(renotifyMs: number): Promise<PendingJob[]> {
    return this.database.query<PendingJob>(sql.TAKE_UNNOTICED, [renotifyMs]);
  }

  /** Offers a worker again what it could not run before. */
  async forgetRefusals(workerId: string): Promise<void> {
    await this.database.query(sql.FORGET_REFUSALS, [workerId]);
  }

  /** Writes why pending jobs wait. */
  async refreshWaitingReasons(leaseMs: number): Promise<void> {
    await this.database.query(sql.REFRESH_WAITING_REASONS, [leaseMs]);
  }

  private async interrupt(query: typeof sql.INTERRUPT_EXPIRED, values: unknown[]): Promise<PendingJob[]> {
    const rows = await this.database.query<PendingJob & { status: JobStatus }>(query, values);
    return rows.filter((row) => row.status === 'pending');
  }

  private async writeProgress(tenantId: string, id: string, input: UpdateJob): Promise<JobRow | undefined> {
    const values = [id, tenantId, ...resultValues(input), input.attempt ?? null, input.status ?? null];
    const [row] = input.metrics?.length
      ? await this.tenants.query<JobRow>(tenantId, sql.PROGRESS_WITH_METRICS, [
          ...values,
          JSON.stringify(input.metrics),
        ])
      : await this.tenants.query<JobRow>(tenantId, sql.PROGRESS, values);
    return row;
  }

  private async transition(tenantId: string, id: string, input: UpdateJob): Promise<JobRow | undefined> {
    if (input.status === undefined) return undefined;
    const values = [
      id,
      tenantId,
      ...resultValues(input),
      input.attempt ?? null,
      input.status,
      reportableFrom(input.status),
    ];
    const { metrics = [], refusal, interruption, isPassing = false } = input;
    const { maxAttempts } = this.config.jobs;
    const isInterrupted = input.status === 'pending' && interruption !== undefined;
    const [row] = await this.tenants.query<JobRow>(tenantId, sql.TRANSITION, [
      ...values,
      JSON.stringify(metrics),
      refusal ?? interruption ?? null,
      isInterrupted,
      maxAttempts,
      attemptsExhausted(maxAttempts, interruption),
      isPassing,
    ]);
    return row;
  }

  /** Finds out why a guarded write changed nothing. */
  private async explainRefusal(tenantId: string, id: string, { status, attempt }: UpdateJob): Promise<Job> {
    const [row] = await this.tenants.query<JobRow>(tenantId, FIND, [id, tenantId]);
    if (!row) throw new AppError('job_not_found', { id });
    if (attempt !== undefined && attempt !== row.attempt)
      throw new AppError('job_attempt_stale', { id, attempt, current: row.attempt });
    if (status === row.status && isTerminal(row.status)) return fromRow(row);
    const allowed = JOB_TRANSITIONS[row.status].join(', ') || 'nothing';
    throw new AppError('job_transition_refused', { id, from: row.status, to: status ?? 'running', allowed });
  }
}

interface ClaimRow {
  id: string;
  tenant_id: string;
  attempt: number;
  spec: TrainingSpec;
  session: ClaimedJob['session'];
}

interface LeaseRow {
  id: string;
  attempt: number;
  is_cancelled: boolean;
  is_released: boolean;
  /** Null of a job that is no session. */
  allowed_steps: number | null;
}

const toOrders = (row: LeaseRow): Pick<Directive, 'directive' | 'allowedSteps'> => {
  if (row.is_cancelled) return { directive: 'cancel' };
  if (row.is_released) return { directive: 'release' };
  return { directive: 'continue', ...(row.allowed_steps !== null && { allowedSteps: row.allowed_steps }) };
};

const FIND = { name: 'job-state-find', text: `select ${JOB_COLUMNS} from job j where j.id = $1 and j.tenant_id = $2` };

/**
 * Admission is the dispatcher's: nobody reports a job past its tenant's limit. Whether a job that is handed back waits
 * outside of it is decided here.
 */
const reportableFrom = (to: JobStatus): JobStatus[] =>
  sourcesOf(to).filter((from) => to !== 'queued' && !(from === 'queued' && to === 'pending'));

/** `undefined` leaves a column alone, `null` clears it. */
const resultValues = ({ result, costTok }: UpdateJob) => [
  result !== undefined,
  result == null ? null : JSON.stringify(result),
  costTok !== undefined,
  costTok ?? null,
];

function attemptsExhausted(maxAttempts: number, lastReason?: string): string {
  const { message, code } = new AppError('attempts_exhausted', { attempts: maxAttempts });
  return JSON.stringify({
    error: lastReason === undefined ? message : `${message} The last time: ${lastReason}`,
    code,
  });
}
