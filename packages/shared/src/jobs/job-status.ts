/**
 * The life of a job. One table, used by the API, the workers, the SDK and the docs.
 *
 * `queued`    The row is committed; the tenant is at its limit of concurrent jobs, or the job is a session that has no
 *             steps to run. No message exists in any queue. The dispatcher admits it (to `pending`) when a slot of the
 *             tenant frees and there is something to run; the tenant may cancel it.
 *
 * `pending`   Admitted: it counts towards the tenant's limit and any worker that offers its trainer may claim it.
 *             A wake-up message was sent; if it got lost, the sweep sends another. A claim makes it `running` and adds
 *             one to its attempt. The tenant may cancel it.
 *
 * `running`   One attempt holds it. With a lease, that is a worker of the fleet; a write that names an attempt counts
 *             only while that attempt holds the job, and the tenant may overrule the worker by a write that names
 *             none. Without a lease, the job is driven from outside through `PATCH /jobs/:id`. It
 *             ends by the holder's report; it returns to `pending` when the holder hands it back or its lease
 *             ends, and to `failed` when that happened too often. A session that is handed back with nothing to run
 *             becomes `queued`. A cancellation is first a wish (`cancelRequestedAt`) that the holder carries out.
 *
 * `completed` The holder delivered the final weights. Nobody may leave it.
 * `failed`    The trainer failed by itself, or the attempts are used up; the result says why. Nobody may leave it.
 * `cancelled` The tenant stopped it; what was saved before stays. Nobody may leave it.
 */
export const JOB_TRANSITIONS = {
  queued: ['pending', 'cancelled'],
  pending: ['running', 'cancelled'],
  running: ['queued', 'pending', 'completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type JobStatus = keyof typeof JOB_TRANSITIONS;

export const JOB_STATUSES = Object.keys(JOB_TRANSITIONS) as [JobStatus, ...JobStatus[]];

/** True when no state can follow. */
export const isTerminal = (status: JobStatus): boolean => JOB_TRANSITIONS[status].length === 0;

/** True when the table lets a job go from one state to the other. */
export const canBecome = (from: JobStatus, to: JobStatus): boolean =>
  (JOB_TRANSITIONS[from] as readonly JobStatus[]).includes(to);

/** The states a job may be in to become `to`. */
export const sourcesOf = (to: JobStatus): JobStatus[] => JOB_STATUSES.filter((from) => canBecome(from, to));

/** States that count towards a tenant's limit of concurrent jobs. */
export const ADMITTED_STATUSES = ['pending', 'running'] as const satisfies readonly JobStatus[];

/** States of a job that is not over yet. */
export const ACTIVE_STATUSES = JOB_STATUSES.filter((status) => !isTerminal(status));
