import { Injectable } from '@nestjs/common';
import type { ArtifactKind, JobArtifact } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { publicPathOf } from '../storage/tenant-roots.js';

export interface StoredArtifact {
  artifact: JobArtifact;
  storageKey: string;
}

/** A file that lies in storage and is to be listed. */
export interface NewArtifact {
  tenantId: string;
  jobId: string;
  attempt: number;
  name: string;
  kind: ArtifactKind;
  step: number | null;
  sizeBytes: number;
  sha256: string;
  contentType: string;
  storageKey: string;
}

interface ArtifactRow {
  job_id: string;
  name: string;
  kind: ArtifactKind;
  step: number | null;
  size_bytes: number;
  sha256: string;
  content_type: string;
  storage_key: string;
  created_at: Date;
}

@Injectable()
export class JobArtifactsRepository {
  constructor(private readonly database: TenantDatabase) {}

  /** Lists the file under its name, in place of an earlier one. @returns undefined when the attempt is over. */
  async put(artifact: NewArtifact): Promise<JobArtifact | undefined> {
    const [row] = await this.database.query<ArtifactRow>(artifact.tenantId, PUT, [
      artifact.jobId,
      artifact.tenantId,
      artifact.attempt,
      artifact.name,
      artifact.kind,
      artifact.step,
      artifact.sizeBytes,
      artifact.sha256,
      artifact.contentType,
      artifact.storageKey,
    ]);
    return row && fromRow(row).artifact;
  }

  async find(tenantId: string, jobId: string, name: string): Promise<StoredArtifact | undefined> {
    const [row] = await this.database.query<ArtifactRow>(tenantId, FIND, [tenantId, jobId, name]);
    return row && fromRow(row);
  }

  /** All of one kind, or all but resume states; in the order in which they came. */
  async list(tenantId: string, jobId: string, kind: ArtifactKind | undefined): Promise<StoredArtifact[]> {
    const rows = await this.database.query<ArtifactRow>(tenantId, LIST, [tenantId, jobId, kind ?? null]);
    return rows.map(fromRow);
  }

  async remove(tenantId: string, jobId: string, name: string): Promise<void> {
    const removed = { where: { tenantId, jobId, name } };
    await this.database.write(tenantId, (prisma) => prisma.jobArtifact.deleteMany(removed));
  }
}

const fromRow = (row: ArtifactRow): StoredArtifact => ({
  storageKey: row.storage_key,
  artifact: {
    name: row.name,
    kind: row.kind,
    step: row.step,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    contentType: row.content_type,
    path: publicPathOf(row.storage_key),
    url: `/jobs/${row.job_id}/artifacts/${row.name}`,
    createdAt: row.created_at.toISOString(),
  },
});

const COLUMNS = 'job_id, name, kind, step, size_bytes, sha256, content_type, storage_key, created_at';

const PUT: PreparedQuery = {
  name: 'artifact-put',
  text: `with held as (select id, tenant_id from job where id = $1 and tenant_id = $2 and attempt = $3 and status = 'running'
        and ($5 not in ('state', 'index') or lease_expires_at is not null) for share
    ), put as (
      insert into job_artifact (id, tenant_id, job_id, name, kind, step, size_bytes, sha256, content_type, storage_key)
      select gen_random_uuid(), tenant_id, id, $4, $5, $6, $7, $8, $9, $10 from held
      on conflict (job_id, name) do update set kind = excluded.kind, step = excluded.step, size_bytes = excluded.size_bytes,
        sha256 = excluded.sha256, content_type = excluded.content_type, storage_key = excluded.storage_key, created_at = now()
      returning ${COLUMNS}, tenant_id
    ), event as (
      insert into job_event (tenant_id, job_id, type, data)
      select tenant_id, job_id, 'artifact', jsonb_build_object('name', name, 'kind', kind) from put where kind <> 'state'
    ) select ${COLUMNS} from put`,
};

const FIND: PreparedQuery = {
  name: 'artifact-find',
  text: `select ${COLUMNS} from job_artifact where tenant_id = $1 and job_id = $2 and name = $3`,
};

const LIST: PreparedQuery = {
  name: 'artifact-list',
  text: `select ${COLUMNS} from job_artifact
    where tenant_id = $1 and job_id = $2 and case when $3::text is null then kind <> 'state' else kind = $3 end
    order by created_at, name`,
};
