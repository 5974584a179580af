import type { PreparedQuery } from '../../database/connections.js';
import { publicPathSql } from '../../storage/tenant-roots.js';
import { PARKED_REASON } from '../job-state.sql.js';

/*
 * The statements of SessionsRepository. What changes the granted steps locks the job's row first, as every change of its
 * status does, and the session's after it.
 */

/** Whether a worker still saves the deleted session of a job `j`. */
const IS_ENDING = `j.status = 'running' and j.lease_expires_at is not null`;

/**
 * Its end is a change of the job alone. A checkpoint is whatever weights the tenant can download; the final ones are the last.
 */
const SESSION = `select s.job_id, s.name, j.status, s.max_steps, s.allowed_steps, s.completed_steps, s.idle_ms, s.created_at,
    greatest(s.updated_at, j.updated_at) as updated_at,
    j.cancel_requested_at, case when j.status = 'failed' then j.result ->> 'error' end as error,
    a.step as checkpoint_step, a.path as checkpoint_path
  from job_session s join job j on j.id = s.job_id and j.tenant_id = s.tenant_id
  left join lateral (
    select a.step, ${publicPathSql('a.storage_key')} as path from job_artifact a
    where a.tenant_id = s.tenant_id and a.kind in ('checkpoint', 'lora')
      and (a.job_id = s.job_id or (a.job_id = s.continues and a.step <= s.continues_step))
    order by a.step desc nulls last, a.created_at desc limit 1) a on true`;

export const FIND: PreparedQuery = {
  name: 'session-find',
  text: `${SESSION} where s.job_id = $1 and s.tenant_id = $2`,
};

export const FIND_BY_NAME: PreparedQuery = {
  name: 'session-find-by-name',
  text: `${SESSION} where s.name = $1 and s.tenant_id = $2`,
};

/** $1 grant, $2 tenant. */
export const FIND_BY_GRANT: PreparedQuery = {
  name: 'session-find-by-grant',
  text: `${SESSION} join job_step_grant g on g.job_id = s.job_id where g.id = $1 and g.tenant_id = $2`,
};

export const LIST: PreparedQuery = {
  name: 'session-list',
  text: `${SESSION} where s.tenant_id = $1 order by s.created_at desc, s.job_id desc limit $2 offset $3`,
};

export const COUNT: PreparedQuery = {
  name: 'session-count',
  text: 'select count(*)::int as total from job_session where tenant_id = $1',
};

/** $1 grant, $2 job, $3 tenant, $4 steps. No row when the job is over, everything is granted, or the grant is there. */
export const GRANT: PreparedQuery = {
  name: 'session-grant',
  text: `with old as (
    select j.id, j.tenant_id, j.status, j.attempt, j.worker_id, least(s.allowed_steps + $4::int, s.max_steps) - s.allowed_steps as steps
    from job j join job_session s on s.job_id = j.id
    where j.id = $2 and j.tenant_id = $3 and j.status in ('queued', 'pending', 'running') and s.allowed_steps < s.max_steps
    for update
  ), granted as (
    insert into job_step_grant (id, tenant_id, job_id, steps) select $1::uuid, tenant_id, id, steps from old
    on conflict (id) do nothing returning job_id
  ), changed as (
    update job_session s set allowed_steps = s.allowed_steps + old.steps, updated_at = now()
    from old join granted on granted.job_id = old.id where s.job_id = old.id
    returning old.*, s.allowed_steps
  ), waiting as (
    update job j set waiting_reason = 'Steps were granted; waiting to be admitted.', updated_at = now()
    from changed where j.id = changed.id and changed.status = 'queued' and j.waiting_reason = '${PARKED_REASON}'
  ), event as (
    insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'steps-granted', jsonb_build_object('steps', steps, 'allowedSteps', allowed_steps, 'attempt', attempt,
      'workerId', worker_id) from changed
  ) select status from changed`,
};

/**
 * $1 job, $2 tenant, $3 steps, $4 attempt. Reports may overtake each other; steps that were done stay done. More than were
 * granted cannot have run: one that claimed it would keep its job from being parked.
 */
export const NOTE_STEPS: PreparedQuery = {
  name: 'session-note-steps',
  text: `update job_session s set completed_steps = least($3::int, s.allowed_steps), updated_at = now() from job j
    where s.job_id = $1 and s.tenant_id = $2 and j.id = s.job_id and s.completed_steps < least($3::int, s.allowed_steps)
      and j.status = 'running' and ($4::int is null or j.attempt = $4)`,
};

/** $1 job, $2 tenant. Heartbeats repeat the wish for as long as that attempt holds the job. */
export const RELEASE: PreparedQuery = {
  name: 'session-release',
  text: `with old as (
    select j.id, j.tenant_id, j.attempt, j.worker_id from job j join job_session s on s.job_id = j.id
    where j.id = $1 and j.tenant_id = $2 and j.status = 'running' and j.lease_expires_at is not null
      and s.release_attempt is distinct from j.attempt
    for update
  ), changed as (
    update job_session s set release_attempt = old.attempt, updated_at = now() from old where s.job_id = old.id
    returning old.*
  ) insert into job_event (tenant_id, job_id, type, data)
    select tenant_id, id, 'release-requested', jsonb_build_object('attempt', attempt, 'workerId', worker_id) from changed`,
};

/** $1 job, $2 tenant. The name of one that did something stays with its job, for a session that goes on from its state. */
export const REMOVE: PreparedQuery = {
  name: 'session-remove',
  text: `with removed as (
    delete from job_session where job_id = $1 and tenant_id = $2 returning *
  ) insert into deleted_session (tenant_id, name, job_id, continues, continues_step)
    select tenant_id, name, job_id, continues, continues_step from removed
      where name is not null and name <> job_id::text and completed_steps > 0
    on conflict (tenant_id, name) do update set job_id = excluded.job_id, continues = excluded.continues,
      continues_step = excluded.continues_step`,
};

/** $1 tenant, $2 name. */
export const FIND_ENDING: PreparedQuery = {
  name: 'session-find-ending',
  text: `select j.id from deleted_session d join job j on j.id = d.job_id and j.tenant_id = d.tenant_id
    where d.tenant_id = $1 and d.name = $2 and ${IS_ENDING}`,
};

/** $1 tenant, $2 name. One that came to its end by itself is not gone on from. */
export const FIND_DELETED = `select j.id, j.spec, ${IS_ENDING} as "isEnding",
    (select max(coalesce(a.step, 0)) from job_artifact a
      where a.tenant_id = j.tenant_id and a.job_id = j.id and a.kind = 'state') as step
  from deleted_session d join job j on j.id = d.job_id and j.tenant_id = d.tenant_id
  where d.tenant_id = $1 and d.name = $2 and (j.status = 'cancelled' or ${IS_ENDING})`;

/**
 * $1 tenant, $2 the deleted session's job, $3 the new one's, $4 the step of the state. The files stay where they lie; under
 * other names, so that a state of the new job does not take the place of one and leave its file behind. The weights stay
 * with the job that made them: the deleted one, or one that it continued itself.
 */
export const CONTINUE = `with passed_on as (
    update job_artifact set job_id = $3, name = left(md5(job_id::text || name), 8) || '-' || right(name, 80)
    where tenant_id = $1 and job_id = $2 and kind = 'state'
  ), forgotten as (
    delete from deleted_session where tenant_id = $1 and job_id = $2 returning continues, continues_step
  ), weights as (
    select a.job_id, a.step from job_artifact a, forgotten f
    where a.tenant_id = $1 and a.kind in ('checkpoint', 'lora') and a.step <= $4::int
      and (a.job_id = $2 or (a.job_id = f.continues and a.step <= f.continues_step))
    order by a.step desc limit 1
  ) update job_session set continues = coalesce((select job_id from weights), $2), continues_step = (select step from weights),
      completed_steps = $4::int, allowed_steps = least(max_steps, allowed_steps + $4::int)
    where tenant_id = $1 and job_id = $3`;
