import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { PoolClient } from 'pg';
import type { PreparedQuery } from '../database/connections.js';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { CONFIG, type Config } from '../env.js';
import { isUuid } from '../http/is-uuid.js';
import { newId } from '../http/new-id.js';
import { quotaExceeded } from '../limits/quota-exceeded.js';
import { FIND_USAGE, giveRoomBack, type StorageUsage, takeRoom } from '../limits/storage-usage.repository.js';

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
  /** Room that is to be taken for it: whoever has begun is not sent away half way. */
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
  /** The quota of tenants that have none of their own. */
  private readonly defaultBytes: number;

  constructor(
    private readonly database: TenantDatabase,
    private readonly everyTenants: Database,
    @Inject(CONFIG) { quotas }: Config,
  ) {
    this.defaultBytes = quotas.storageBytes;
  }

  /**
   * Opens an upload, or takes over one of that id. The tenant's row is locked, so that two requests cannot pass the limit
   * together. A `form` is held from the start, others by who comes to work on it.
   * @param limit how many may be open
   * @throws AppError `uploads_exhausted`, `quota_exceeded`
   */
  open(
    { id, tenantId, protocol, announced, reservedBytes = 0, linkEndsAt }: NewUpload,
    limit: number,
  ): Promise<UploadClaim> {
    return this.database.transaction(tenantId, async (client) => {
      await client.query(LOCK_TENANT, [tenantId]);
      const { rows } = await client.query<{ open: number }>(COUNT_OTHERS, [tenantId, id]);
      if ((rows[0]?.open ?? 0) >= limit) throw new AppError('uploads_exhausted', { limit });
      if (reservedBytes > 0) await this.takeRoom(client, tenantId, reservedBytes);
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

  /**
   * Takes room of the tenant's quota for it.
   * @returns whether there was any
   * @throws AppError `service_unavailable` when the claim is lost
   */
  async reserve({ id, tenantId, holder }: UploadClaim, bytes: number): Promise<boolean> {
    const values = [id, tenantId, holder, bytes, this.defaultBytes];
    const [row] = await this.database.query<{ isHeld: boolean; isTaken: boolean }>(tenantId, RESERVE, values);
    if (!row?.isHeld) throw new AppError('service_unavailable');
    return row.isTaken;
  }

  /** Gives back the room that it has beyond `bytes`. */
  async trimReserved({ id, tenantId, holder }: UploadClaim, bytes: number): Promise<void> {
    await this.database.query(tenantId, TRIM_RESERVED, [id, tenantId, holder, bytes]);
  }

  /**
   * Forgets the upload, whose files must be gone before, and gives its room back. One whose client can still write to the
   * bucket is only ended: row and room stay for what may come, and a later sweep removes it.
   */
  async remove({ id, tenantId, holder }: UploadClaim): Promise<void> {
    await this.database.query(tenantId, REMOVE, [id, tenantId, holder]);
  }

  /** Takes over uploads that nobody has worked on for long, to clean up after them. */
  async takeAbandoned({ staleMs, expiresMs }: Silence): Promise<UploadClaim[]> {
    const { rows } = await this.everyTenants.pool.query<UploadClaim>(TAKE_ABANDONED, [newId(), staleMs, expiresMs]);
    return rows;
  }

  private async takeRoom(client: PoolClient, tenantId: string, bytes: number): Promise<void> {
    const { rowCount } = await client.query(TAKE_ROOM, [tenantId, bytes, this.defaultBytes]);
    if (rowCount !== 0) return;
    const { rows } = await client.query<StorageUsage>(FIND_USAGE.text, [tenantId, this.defaultBytes]);
    const { usedBytes = 0, limitBytes = this.defaultBytes } = rows[0] ?? {};
    throw quotaExceeded({ quota: 'bytes of storage', limit: limitBytes, used: usedBytes, wanted: bytes });
  }
}

const TAKE_ROOM = takeRoom({ tenant: '$1', bytes: '$2', defaultBytes: '$3' });
const LOCK_TENANT = 'select 1 from tenant where id = $1 for no key update';
const COUNT_OTHERS = 'select count(*) as open from upload where tenant_id = $1 and id <> $2 and registered_at is null';

/**
 * An id comes back when the request that had it has died, and another one repeats it. Where that had made its dataset, the
 * upload is over from the start: the files are the dataset's.
 */
const OPEN = `insert into upload as u (id, tenant_id, protocol, holder, announced, reserved_bytes, link_ends_at, registered_at)
  values ($1, $2, $3, $4, $5, $6, $7, (select now() from dataset where id = $1 and tenant_id = $2))
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
/** Room and the note of who has it, together or not at all: what only one of them knew would be lost for good. */
const RESERVE: PreparedQuery = {
  name: 'upload-reserve',
  text: `with held as (select id from upload where ${HELD} for update),
  room as (${takeRoom({ tenant: '$2', bytes: '$4', defaultBytes: '$5', condition: 'exists (select from held)' })}),
  noted as (
    update upload set reserved_bytes = reserved_bytes + $4::bigint from held, room where upload.id = held.id returning 1
  ) select exists (select from held) as "isHeld", exists (select from noted) as "isTaken"`,
};
const TRIM_RESERVED: PreparedQuery = {
  name: 'upload-trim-reserved',
  text: `with old as (
    select id, tenant_id, reserved_bytes - $4::bigint as bytes from upload where ${HELD} and reserved_bytes > $4::bigint for update
  ), noted as (
    update upload set reserved_bytes = $4::bigint from old where upload.id = old.id
  ) ${giveRoomBack('old')}`,
};
const REMOVE: PreparedQuery = {
  name: 'upload-remove',
  text: `with gone as (
    delete from upload where ${HELD} and (link_ends_at is null or link_ends_at < now())
    returning tenant_id, reserved_bytes as bytes
  ), was as (
    select id, reserved_bytes, least(reserved_bytes, (announced->>'sizeBytes')::bigint) as kept_bytes
    from upload where ${HELD} and link_ends_at >= now() for update
  ), ended as (
    update upload set registered_at = coalesce(registered_at, now()), holder = null, reserved_bytes = kept_bytes
    from was where upload.id = was.id returning tenant_id, was.reserved_bytes - kept_bytes as bytes
  ), freed as (select * from gone union all select * from ended)
  ${giveRoomBack('freed')}`,
};

/** Over all tenants. */
const TAKE_ABANDONED = `update upload set holder = $1, touched_at = now() where id in (
    select id from upload where ${olderThan("case when protocol = 'form' or registered_at is not null then $2 else $3 end")}
    order by touched_at limit 100 for update skip locked
  ) returning id, tenant_id as "tenantId", holder`;
