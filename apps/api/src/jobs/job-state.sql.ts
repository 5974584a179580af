import type { PreparedQuery } from '../database/database.js';
import { JOB_COLUMNS } from './job.mapper.js';

/*
 * The statements of JobStateRepository. `changed` holds the rows that a statement changed, with `from_status`; EVENT
 * appends one event for each whose status changed. A trigger announces every event on the channel `job_event`.
 */

const EVENT = (reason: string) => `insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'status', jsonb_build_object('from', from_status, 'to', status, 'reason', ${reason}, 'attempt', attempt,
      'workerId', worker_id) from changed where from_status <> status`;

/**
 * True of a session that has run all the steps it was granted, unless they were its last: then it has to come to its end.
 * `job` is the job's alias.
 */
export const IS_SPENT = (job: string) => `exists (
    select from job_session s where s.job_id = ${job}.id and s.allowed_steps <= s.completed_steps and s.completed_steps < s.max_steps)`;

/** Why a session without steps to run is not admitted. */
export const PARKED_REASON = 'All granted steps are done; waiting for the next ones.';

const METRICS = (values: string) => `insert into job_metric (tenant_id, job_id, step, epoch, loss, learning_rate)
    select distinct on (m.step) changed.tenant_id, changed.id, m.step, m.epoch, m.loss, m."learningRate" from changed,
      jsonb_to_recordset(${values}::jsonb) as m(step int, epoch int, loss float8, "learningRate" float8)
    on conflict (job_id, step) do update set epoch = excluded.epoch, loss = excluded.loss, learning_rate = excluded.learning_rate`;

/**
 * How long a worker is not offered a job for a reason that may pass. Long enough that one whose disk stays full is not kept
 * busy with it, short enough that what it waits for, as another job's end, is soon made use of.
 */
const PASSING = `interval '5 minutes'`;

/** Where a job stands, in its progress; the rest of it says how fast it goes and how far it has to go. */
const POSITION = `'{currentStep,currentEpoch,loss,learningRate}'::text[]`;
const STEP = `'{progress,currentStep}'`;
const UNKNOWN_SPEED = `'{"stepsPerSecond": null, "secondsRemaining": null, "estimatedTimeRemaining": null}'::jsonb`;

/**
 * The result after a report. An attempt after the first prepares, and then begins at a state that is older than what
 * clients have seen: for them the job stays where it was until the attempt is past it. How long it takes is always that
 * of the attempt. Not so where the job has become shorter, as when files of its dataset are gone, and for writers
 * outside of the fleet, who name no attempt.
 */
const REPORTED = `case when not $3 then j.result
      when $7::int is null or jsonb_typeof(j.result #> ${STEP}) is distinct from 'number' then $4::jsonb
      when $4::jsonb -> 'progress' is not null
        and (jsonb_typeof($4::jsonb #> ${STEP}) is distinct from 'number' or $4::jsonb #> ${STEP} >= j.result #> ${STEP}) then $4::jsonb
      when $4::jsonb #> '{progress,totalSteps}' < j.result #> ${STEP} then $4::jsonb
      else $4::jsonb || jsonb_build_object('progress',
        j.result -> 'progress' || ${UNKNOWN_SPEED} || (coalesce($4::jsonb -> 'progress', '{}') - ${POSITION})) end`;

/** $1 id, $2 tenant, $3 sets result, $4 result, $5 sets cost, $6 cost, $7 attempt, $8 status that it must have. */
const UPDATE_PROGRESS = `update job j set
    result = ${REPORTED},
    cost_tok = case when $5 then $6::int else j.cost_tok end,
    updated_at = now()
  where j.id = $1 and j.tenant_id = $2
    and ($7::int is null or (j.attempt = $7 and j.status = 'running'))
    and ($8::job_status is null or j.status = $8::job_status)
  returning ${JOB_COLUMNS}`;

export const PROGRESS: PreparedQuery = { name: 'job-progress', text: UPDATE_PROGRESS };

export const PROGRESS_WITH_METRICS: PreparedQuery = {
  name: 'job-progress-metrics',
  text: `with changed as (${UPDATE_PROGRESS}), points as (${METRICS('$9')}) select * from changed`,
};

/**
 * $1 id, $2 tenant, $3 to $6 as above, $7 attempt, $8 new status, $9 states it may come from, $10 metrics, $11 why
 * its worker cannot run it, $12 whether that interrupts the attempt, $13 most attempts, $14 result of a job that has
 * used them up, $15 whether what its worker lacks may pass. A start from outside the fleet takes an attempt of its
 * own and has no lease; who names an attempt must hold it. A job that is handed back before its worker heard of a
 * cancellation is cancelled. A session that is handed back with nothing to run is queued. A grant that comes at the
 * same moment may not be seen here; the dispatcher, which looks next, sees it.
 */
export const TRANSITION: PreparedQuery = {
  name: 'job-transition',
  text: `with old as (
    select j.id, j.status, j.attempt, j.worker_id,
      case when $8 <> 'pending' then $8::job_status when j.cancel_requested_at is not null then 'cancelled'
        when $12 and j.interruptions + 1 >= $13 then 'failed' when ${IS_SPENT('j')} then 'queued' else 'pending' end as to_status
    from job j where j.id = $1 and j.tenant_id = $2 for update
  ), changed as (
    update job j set
      status = old.to_status,
      result = case when $8 = 'pending' and old.to_status = 'failed' then $14::jsonb when $3 then $4::jsonb else j.result end,
      interruptions = j.interruptions + case when $12 and old.to_status <> 'cancelled' then 1 else 0 end,
      cost_tok = case when $5 then $6::int else j.cost_tok end,
      attempt = j.attempt + case when $8 = 'running' then 1 else 0 end,
      worker_id = case when $8 in ('running', 'pending') then null else j.worker_id end,
      lease_expires_at = null,
      waiting_reason = case when $8 = 'pending' and old.to_status = 'queued' then '${PARKED_REASON}' when old.to_status = 'pending' then 'Handed back; waiting for ' ||
        case when $11::text is null then 'a free worker slot.' else 'another worker. ' || $11 end end,
      notified_at = case when old.to_status = 'pending' then now() end,
      started_at = case when $8 = 'running' then coalesce(j.started_at, now()) else j.started_at end,
      finished_at = case when old.to_status in ('completed', 'failed', 'cancelled') then now() end,
      updated_at = now()
    from old where j.id = old.id and old.status = any($9::job_status[]) and ($7::int is null or (old.attempt = $7 and old.status = 'running'))
    returning ${JOB_COLUMNS}, j.worker_id, old.status as from_status
  ), refusal as (
    insert into job_refusal (tenant_id, job_id, worker_id, reason, expires_at)
    select changed.tenant_id, changed.id, old.worker_id, $11, case when $12 or $15 then now() + ${PASSING} end from changed join old on old.id = changed.id
    where $8 = 'pending' and $7::int is not null and $11 is not null and old.worker_id is not null
    on conflict (job_id, worker_id) do update set reason = excluded.reason, refused_at = now(), expires_at = excluded.expires_at
  ), points as (${METRICS('$10')}), event as (${EVENT(`case when $7::int is null then 'Reported.' else 'Reported by the worker.' end`)})
  select * from changed`,
};

/** $1 id, $2 tenant. A job with a lease is stopped by its worker; any other is over at once. */
export const CANCEL: PreparedQuery = {
  name: 'job-cancel',
  text: `with old as (select id, status, lease_expires_at, cancel_requested_at from job where id = $1 and tenant_id = $2 for update),
  changed as (
    update job j set
      status = case when old.status = 'running' and old.lease_expires_at is not null then j.status else 'cancelled' end,
      finished_at = case when old.status = 'running' and old.lease_expires_at is not null then null else now() end,
      waiting_reason = null,
      cancel_requested_at = coalesce(j.cancel_requested_at, now()),
      updated_at = now()
    from old where j.id = old.id and old.status in ('queued', 'pending', 'running')
    returning ${JOB_COLUMNS}, j.worker_id, old.status as from_status, old.cancel_requested_at as requested_before
  ), event as (${EVENT(`'Cancelled by the tenant.'`)}), wish as (
    insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'cancel-requested', jsonb_build_object('attempt', attempt, 'workerId', worker_id)
    from changed where status = 'running' and requested_before is null
  ) select * from changed`,
};

/** Claims are rare next to everything else; one at a time keeps the round robin exact. */
export const LOCK_CLAIMS = `select pg_advisory_xact_lock(hashtext('influencerai:claim'))`;

/**
 * $1 worker, $2 trainers, $3 lease. Fairness between tenants: fewest running jobs first, then the one that was served
 * longest ago; within a tenant by priority, then age. A worker gets no job that it cannot run.
 */
export const CLAIM: PreparedQuery = {
  name: 'job-claim',
  text: `with next as (
    select j.id from job j join tenant t on t.id = j.tenant_id
    where j.status = 'pending' and j.trainer = any($2::text[])
      and not exists (select from job_refusal r where r.job_id = j.id and r.worker_id = $1::uuid
        and (r.expires_at is null or r.expires_at > now()))
    order by (select coalesce(sum(c.count), 0) from job_count c where c.tenant_id = j.tenant_id and c.status = 'running'),
      t.last_claimed_at nulls first, j.priority desc, j.created_at, j.id
    limit 1 for update of j skip locked
  ), changed as (
    update job j set status = 'running', attempt = j.attempt + 1, worker_id = $1::uuid,
      lease_expires_at = now() + $3::int * interval '1 millisecond', waiting_reason = null, notified_at = null,
      started_at = coalesce(j.started_at, now()), updated_at = now()
    from next where j.id = next.id
    returning j.id, j.tenant_id, j.attempt, j.spec, j.status, j.worker_id, 'pending'::job_status as from_status
  ), served as (
    update tenant set last_claimed_at = clock_timestamp() where id = (select tenant_id from changed)
  ), event as (${EVENT(`case when attempt = 1 then 'Started by a worker.' else 'Started again by a worker.' end`)})
  select changed.id, changed.tenant_id, changed.attempt, changed.spec,
    case when s.job_id is not null then jsonb_build_object('allowedSteps', s.allowed_steps, 'idleMs', s.idle_ms,
      'isContinued', s.continues is not null) end as session
  from changed left join job_session s on s.job_id = changed.id`,
};

/** $1 worker, $2 held attempts as JSON, $3 lease. */
export const EXTEND_LEASES: PreparedQuery = {
  name: 'job-extend-leases',
  text: `with live as (
      select j.id from job j join jsonb_to_recordset($2::jsonb) as held("jobId" uuid, attempt int)
        on j.id = held."jobId" and j.attempt = held.attempt
      where j.worker_id = $1::uuid and j.status = 'running' order by j.id for update of j
    )
    update job j set lease_expires_at = now() + $3::int * interval '1 millisecond'
    from live where j.id = live.id
    returning j.id, j.attempt, j.cancel_requested_at is not null as is_cancelled,
      (select allowed_steps from job_session s where s.job_id = j.id) as allowed_steps,
      exists (select from job_session s where s.job_id = j.id and s.release_attempt = j.attempt) as is_released`,
};

/**
 * $1 lease in milliseconds. The gap since the last sweep of any replica decides, not the start of this process: one that
 * starts again and again must not keep the leases of dead workers alive.
 */
export const RENEW_UNWATCHED_LEASES: PreparedQuery = {
  name: 'job-renew-unwatched-leases',
  text: `with last as (
      select not exists (
        select 1 from sweep where id = 1 and swept_at > now() - $1::int * interval '0.5 milliseconds') as is_long_ago
    ), noted as (
      insert into sweep (id, swept_at) values (1, now()) on conflict (id) do update set swept_at = excluded.swept_at
    )
    update job set lease_expires_at = greatest(lease_expires_at, now() + $1::int * interval '1 millisecond')
    where (select is_long_ago from last) and id in (
      select id from job where status = 'running' and lease_expires_at is not null order by id for update)`,
};

/** $1 most attempts, $2 result of a job that has used them up. */
const INTERRUPT = (name: string, condition: string, reason: string): PreparedQuery => ({
  name,
  text: `with lost as (
    select j.id, j.status, j.attempt, ${IS_SPENT('j')} as is_parked from job j where j.status = 'running' and ${condition} order by j.id for update skip locked
  ), changed as (
    update job j set
      status = (case when j.cancel_requested_at is not null then 'cancelled' when j.interruptions + 1 >= $1 then 'failed'
        when lost.is_parked then 'queued' else 'pending' end)::job_status,
      result = case when j.cancel_requested_at is null and j.interruptions + 1 >= $1 then $2::jsonb else j.result end,
      finished_at = case when j.cancel_requested_at is not null or j.interruptions + 1 >= $1 then now() end,
      waiting_reason = case when j.cancel_requested_at is null and j.interruptions + 1 < $1
        then case when lost.is_parked then '${PARKED_REASON}' else 'Interrupted (${reason}); waiting for a worker to continue it.' end end,
      interruptions = j.interruptions + 1, lease_expires_at = null, worker_id = null,
      notified_at = case when not lost.is_parked then now() end, updated_at = now()
    from lost where j.id = lost.id
    returning j.id, j.tenant_id, j.trainer, j.status, j.attempt, lost.status as from_status, j.worker_id
  ), event as (${EVENT(`'Attempt interrupted: ${reason}.'`)})
  select id, trainer, attempt, status from changed`,
});

export const INTERRUPT_EXPIRED = INTERRUPT(
  'job-interrupt-expired',
  'j.lease_expires_at < now()',
  'the worker fell silent',
);

/** $3 worker, $4 attempts that go on. */
export const INTERRUPT_FORGOTTEN = INTERRUPT(
  'job-interrupt-forgotten',
  `j.worker_id = $3::uuid and not exists (
    select 1 from jsonb_to_recordset($4::jsonb) as held("jobId" uuid, attempt int) where held."jobId" = j.id and held.attempt = j.attempt)`,
  'the worker restarted',
);

/** Submissions lock the tenant as well, so that both together cannot pass its limit. */
export const LOCK_TENANTS_WITH_QUEUED = `select id from tenant
  where id in (select tenant_id from job_count where status = 'queued' and count > 0) order by id for no key update`;

/** How many jobs of a user of a tenant are admitted; the condition is that of the index `job_of_user`. */
export const ADMITTED_OF_USER = (tenant: string, user: string): string =>
  `select count(*) from job u where u.tenant_id = ${tenant} and u.user_id is not distinct from ${user} and u.status in ('pending', 'running')`;

/** Whether a queued job may be admitted as far as its user's limit goes: `nth` of the jobs of that user that wait. */
export const USER_HAS_ROOM = (job: string, tenant: string, nth = '1'): string => {
  const limit = `coalesce(${tenant}.max_concurrent_jobs_per_user, ${job}.user_limit)`;
  return `(${limit} is null or (${ADMITTED_OF_USER(`${job}.tenant_id`, `${job}.user_id`)}) + ${nth} <= ${limit})`;
};

/** $1 tenants that are locked. A job whose user is at the limit steps aside for those of others. */
export const ADMIT: PreparedQuery = {
  name: 'job-admit',
  text: `with room as (
    select t.id, t.max_concurrent_jobs_per_user, t.max_concurrent_jobs - coalesce((select sum(c.count) from job_count c
      where c.tenant_id = t.id and c.status in ('pending', 'running')), 0) as free from tenant t where t.id = any($1::text[])
  ), next as (
    select j.id from room cross join lateral (
      select q.id from (
        select id, tenant_id, user_id, user_limit, priority, created_at,
          row_number() over (partition by user_id order by priority desc, created_at, id) as nth
        from job w where tenant_id = room.id and status = 'queued' and not ${IS_SPENT('w')}) q
      where ${USER_HAS_ROOM('q', 'room', 'q.nth')} order by q.priority desc, q.created_at, q.id
      limit greatest(room.free, 0)) j
  ), changed as (
    update job j set status = 'pending', waiting_reason = 'Waiting for a free worker slot.', notified_at = now(), updated_at = now()
    from next where j.id = next.id and j.status = 'queued'
    returning j.id, j.tenant_id, j.trainer, j.status, j.attempt, j.worker_id, 'queued'::job_status as from_status
  ), event as (${EVENT(`'Admitted.'`)})
  select id, trainer, attempt from changed`,
};

/** $1 milliseconds since the last wake-up. */
export const TAKE_UNNOTICED: PreparedQuery = {
  name: 'job-take-unnoticed',
  text: `update job set notified_at = now() where id in (
      select id from job where status = 'pending' and (notified_at is null or notified_at < now() - $1::int * interval '1 millisecond')
      limit 1000 for update skip locked)
    returning id, trainer, attempt`,
};

/** $1 worker, which may have by now what it lacked. */
export const FORGET_REFUSALS: PreparedQuery = {
  name: 'job-forget-refusals',
  text: `delete from job_refusal where worker_id = $1::uuid`,
};

/** $1 lease in milliseconds: a worker that was silent for longer does not count. */
export const REFRESH_WAITING_REASONS: PreparedQuery = {
  name: 'job-waiting-reasons',
  text: `with live as (
      select id, trainers, unusable from worker where heartbeat_at > now() - $1::int * interval '1 millisecond' and not is_draining
    ), fault as (
      select distinct on (u->>'trainer') u->>'trainer' as trainer, u->>'reason' as reason
      from live, jsonb_array_elements(live.unusable) u order by u->>'trainer', live.id
    ), waiting as (
      select j.id, j.trainer, count(live.id) as workers, count(r.worker_id) as refusals,
        (array_agg(r.reason order by r.refused_at desc) filter (where r.worker_id is not null))[1] as refusal
      from job j left join live on j.trainer = any(live.trainers)
        left join job_refusal r on r.job_id = j.id and r.worker_id = live.id
      where j.status = 'pending' group by j.id
    ), reason as (
      select id, case when workers = 0 then 'No live worker offers the trainer ' || waiting.trainer || '. ' ||
          coalesce('One that has it cannot start it: ' || fault.reason, 'Start one that does.')
        when workers = refusals then 'No live worker can run this job. ' || refusal
        else 'Waiting for a free worker slot.' end as text
      from waiting left join fault on fault.trainer = waiting.trainer)
    update job j set waiting_reason = reason.text from reason
    where j.id = reason.id and j.status = 'pending' and j.waiting_reason is distinct from reason.text
      and (reason.text like 'No live%' or j.waiting_reason is null or j.waiting_reason like 'No live%')`,
};
