import { Injectable } from '@nestjs/common';
import type { JobEvent, JobStatus } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { JobKey } from '../jobs/job-key.js';
import { publicPathSql } from '../storage/tenant-roots.js';

export interface StoredEvent {
  id: number;
  event: JobEvent;
}

interface EventRow {
  id: number;
  type: 'status' | 'cancel-requested' | 'release-requested';
  data: { from: JobStatus | null; to: JobStatus; reason: string; attempt: number };
  at: Date;
}

interface GrantEventRow {
  id: number;
  type: 'steps-granted';
  data: { steps: number; allowedSteps: number };
  at: Date;
}

interface ArtifactEventRow {
  id: number;
  type: 'artifact';
  data: (JobEvent & { type: 'artifact' })['artifact'] & { createdAt: string };
  at: Date;
}

/** The history of a job: what its stream replays and webhooks will send. */
@Injectable()
export class JobEventsRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** Events after an id, oldest first. */
  async listAfter({ tenantId, jobId }: JobKey, afterId: number, limit: number): Promise<StoredEvent[]> {
    const rows = await this.database.query<AnyEventRow>(tenantId, LIST, [tenantId, jobId, afterId, limit]);
    return rows.map((row) => ({ id: row.id, event: fromRow(row) }));
  }
}

type AnyEventRow = EventRow | GrantEventRow | ArtifactEventRow;

function fromRow(row: AnyEventRow): JobEvent {
  const at = row.at.toISOString();
  if (row.type === 'artifact') return { type: row.type, artifact: row.data, at };
  if (row.type === 'steps-granted')
    return { type: row.type, steps: row.data.steps, allowedSteps: row.data.allowedSteps, at };
  if (row.type !== 'status') return { type: row.type, attempt: row.data.attempt, at };
  const { from, to, reason, attempt } = row.data;
  return { type: 'status', from, to, reason, attempt, at };
}

/** Artifact events name their file; what is known of it now comes from its row. */
const LIST: PreparedQuery = {
  name: 'job-event-list',
  text: `select e.id, e.type, e.at, case when e.type <> 'artifact' then e.data else jsonb_build_object('name', a.name, 'kind', a.kind,
      'step', a.step, 'sizeBytes', a.size_bytes, 'sha256', a.sha256, 'contentType', a.content_type, 'path', ${publicPathSql('a.storage_key')},
      'url', '/jobs/' || a.job_id || '/artifacts/' || a.name,
      'createdAt', to_char(a.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end as data
    from job_event e left join job_artifact a on e.type = 'artifact' and a.tenant_id = e.tenant_id and a.job_id = e.job_id and a.name = e.data ->> 'name'
    where e.tenant_id = $1 and e.job_id = $2 and e.id > $3 and (e.type <> 'artifact' or a.id is not null) order by e.id limit $4`,
};
