import { Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';

/** What a resumable or direct upload was announced with. */
export interface Announcement {
  sizeBytes: number;
  /** What the content must have. */
  sha256?: string;
  metadata: Record<string, string | null>;
}

export interface NewUpload {
  /** The id that the dataset is to have. */
  id: string;
  tenantId: string;
  protocol: 'form' | 'tus' | 'direct';
  announced?: Announcement;
  /** Room that was taken for it. */
  reservedBytes?: number;
  /** Until when its client can write to the bucket. */
  linkEndsAt?: Date;
}

export interface AnnouncedUpload {
  protocol: 'tus' | 'direct';
  announced: Announcement;
  touchedAt: Date;
}

export interface Silence {
  /** For how long a process may say nothing about what it works on. */
  staleMs: number;
  /** For how long a resumable upload may rest. */
  expiresMs: number;
}

/** Rows of uploads under way. Each comes before the first byte that it is about and goes after the last one. */
@Injectable()
export class UploadsRepository {
  constructor(
    private readonly database: TenantDatabase,
    private readonly everyTenants: Database,
  ) {}

  /**
   * Opens an upload, or takes over one of that id. The tenant's row is locked, so that two requests cannot pass the limit
   * together. A `form` is held from the start, others by who comes to work on it.
   * @param limit how many may be open
   * @throws AppError `uploads_exhausted`
   */
  open(
    { id, tenantId, protocol, announced, reservedBytes = 0, linkEndsAt }: NewUpload,
    limit: number,
  ): Promise<UploadClaim> {
    return this.database.transaction(tenantId, async (client) => {
      await client.query(LOCK_TENANT, [tenantId]);
      const { rows } = await client.query<{ open: number }>(COUNT_OTHERS, [tenantId, id]);
      if ((rows[0]?.open ?? 0) >= limit) throw new AppError('uploads_exhausted', { limit });
      const claim = { id, tenantId, holder: newId() };
      const held = protocol === 'form' ? claim.holder : null;
      const values = [id, tenantId, protocol, held, announced && JSON.stringify(announced), reservedBytes, linkEndsAt];
      await client.query(OPEN, values);
      return claim;
    });
  }

  /** @throws AppError `upload_not_found` also when it has expired or become a dataset */
  async getResumable(tenantId: string, id: string, expiresMs: number): Promise<AnnouncedUpload> {
    const upload = await this.getAnnounced(tenantId, id, expiresMs);
    if (upload.protocol !== 'tus') throw new AppError('upload_not_found', { id });
    return upload;
  }

  /** The same for direct uploads as well. @throws AppError `upload_not_found` */
  async getAnnounced(tenantId: string, id: string, expiresMs: number): Promise<AnnouncedUpload> {
    const values = [id, tenantId, expiresMs];
    const [row] = isUuid(id) ? await this.database.query<AnnouncedUpload>(tenantId, FIND_ANNOUNCED, values) : [];
    if (!row) throw new AppError('upload_not_found', { id });
    return row;
  }

  /** @returns undefined while somebody else holds it, or when it is gone */
  async claim(tenantId: string, id: string, staleMs: number): Promise<UploadClaim | undefined> {
    const [row] = await this.database.query<UploadClaim>(tenantId, CLAIM, [id, tenantId, newId(), staleMs]);
    return row;
  }

  async release({ id, tenantId, holder }: UploadClaim): Promise<void> {
    await this.database.query(tenantId, RELEASE, [id, tenantId, holder]);
  }

  /** Shows that the upload is alive. @returns undefined when the claim is lost */
  async touch({ id, tenantId, holder }: UploadClaim): Promise<{ isRegistered: boolean } | undefined> {
    const [row] = await this.database.query<{ isRegistered: boolean }>(tenantId, TOUCH, [id, tenantId, holder]);
    return row;
  }

  /** Notes that room was taken for it. */
  async addReserved({ id, tenantId, holder }: UploadClaim, bytes: number): Promise<void> {
    await this.database.query(tenantId, ADD_RESERVED, [id, tenantId, holder, bytes]);
  }

  /** @returns how much more than `bytes` was reserved, which is to be given back */
  async trimReserved({ id, tenantId, holder }: UploadClaim, bytes: number): Promise<number> {
    const values = [id, tenantId, holder, bytes];
    const [row] = await this.database.query<{ surplus: number }>(tenantId, TRIM_RESERVED, values);
    return row?.surplus ?? 0;
  }

  /**
   * Forgets the upload, whose files must be gone before. One whose client can still write to the bucket is only ended:
   * row and room stay for what may come, and a later sweep removes it.
   * @returns the room that is to be given back
   */
  async remove({ id, tenantId, holder }: UploadClaim): Promise<number> {
    const [row] = await this.database.query<{ bytes: number }>(tenantId, REMOVE, [id, tenantId, holder]);
    return row?.bytes ?? 0;
  }

  /** Takes over uploads that nobody has worked on for long, to clean up after them. */
  async takeAbandoned({ staleMs, expiresMs }: Silence): Promise<UploadClaim[]> {
    const { rows } = await this.everyTenants.pool.query<UploadClaim>(TAKE_ABANDONED, [newId(), staleMs, expiresMs]);
    return rows;
  }
}

const LOCK_TENANT = 'select 1 from tenant where id = $1 for no key update';
const COUNT_OTHERS = 'select count(*) as open from upload where tenant_id = $1 and id <> $2 and registered_at is null';

/** An id comes back when the request that had it has died, and another one repeats it with the same `Idempotency-Key`. */
const OPEN = `insert into upload as u (id, tenant_id, protocol, holder, announced, reserved_bytes, link_ends_at)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (id) do update set holder = excluded.holder, touched_at = now() where u.tenant_id = excluded.tenant_id`;

const olderThan = (parameter: string): string => `touched_at < now() - ${parameter}::bigint * interval '1 millisecond'`;

const FIND_ANNOUNCED: PreparedQuery = {
  name: 'upload-find-announced',
  text: `select protocol, announced, touched_at as "touchedAt" from upload
  where id = $1 and tenant_id = $2 and announced is not null and registered_at is null and not ${olderThan('$3')}`,
};

const CLAIM: PreparedQuery = {
  name: 'upload-claim',
  text: `update upload set holder = $3, touched_at = now()
  where id = $1 and tenant_id = $2 and registered_at is null and (holder is null or ${olderThan('$4')})
  returning id, tenant_id as "tenantId", holder`,
};

const HELD = 'id = $1 and tenant_id = $2 and holder = $3';
const RELEASE: PreparedQuery = {
  name: 'upload-release',
  text: `update upload set holder = null, touched_at = now() where ${HELD}`,
};
const TOUCH: PreparedQuery = {
  name: 'upload-touch',
  text: `update upload set touched_at = now() where ${HELD} returning registered_at is not null as "isRegistered"`,
};
const ADD_RESERVED: PreparedQuery = {
  name: 'upload-add-reserved',
  text: `update upload set reserved_bytes = reserved_bytes + $4 where ${HELD}`,
};
const TRIM_RESERVED: PreparedQuery = {
  name: 'upload-trim-reserved',
  text: `with old as (select id, reserved_bytes from upload where ${HELD} for update)
  update upload set reserved_bytes = $4 from old where upload.id = old.id and old.reserved_bytes > $4
  returning old.reserved_bytes - $4 as surplus`,
};
const REMOVE: PreparedQuery = {
  name: 'upload-remove',
  text: `with gone as (
    delete from upload where ${HELD} and (link_ends_at is null or link_ends_at < now()) returning reserved_bytes as bytes
  ), was as (
    select id, reserved_bytes, least(reserved_bytes, (announced->>'sizeBytes')::bigint) as kept_bytes
    from upload where ${HELD} and link_ends_at >= now() for update
  ), ended as (
    update upload set registered_at = coalesce(registered_at, now()), holder = null, reserved_bytes = kept_bytes
    from was where upload.id = was.id returning was.reserved_bytes - kept_bytes as bytes
  ) select bytes from gone union all select bytes from ended`,
};

/** Over all tenants. */
const TAKE_ABANDONED = `update upload set holder = $1, touched_at = now() where id in (
    select id from upload where ${olderThan("case when protocol = 'form' or registered_at is not null then $2 else $3 end")}
    order by touched_at limit 100 for update skip locked
  ) returning id, tenant_id as "tenantId", holder`;
