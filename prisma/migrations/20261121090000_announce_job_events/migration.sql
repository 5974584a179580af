-- Every committed event is announced to all API replicas: streams, control channels and dispatchers wake on it.
create function announce_job_event() returns trigger language plpgsql as $$
begin
  perform pg_notify('job_event', json_build_object(
    'jobId', new.job_id, 'type', new.type, 'to', new.data ->> 'to',
    'attempt', (new.data ->> 'attempt')::int, 'workerId', new.data ->> 'workerId')::text);
  return null;
end $$;

create trigger job_event_announce after insert on job_event
for each row execute function announce_job_event();

-- Progress rewrites the same row again and again without touching an index; room on the page keeps that cheap.
alter table job set (fillfactor = 70);

-- The series of outcomes reads by the day on which a job ended or, until then, was created.
create index job_tenant_outcome_idx on job (tenant_id, (coalesce(finished_at, created_at)));
