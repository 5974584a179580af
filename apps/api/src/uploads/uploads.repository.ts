import { Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import { Database } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';
import type { UploadClaim } from '../datasets/datasets.repository.js';
import { newId } from '../http/new-id.js';

export interface NewUpload {
  /** The id that the dataset is to have. */
  id: string;
  tenantId: string;
  protocol: 'form' | 'tus';
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
   * together.
   * @param limit how many may be open
   * @throws AppError `uploads_exhausted`
   */
  open({ id, tenantId, protocol }: NewUpload, limit: number): Promise<UploadClaim> {
    return this.database.transaction(tenantId, async (client) => {
      await client.query(LOCK_TENANT, [tenantId]);
      const { rows } = await client.query<{ open: number }>(COUNT_OTHERS, [tenantId, id]);
      if ((rows[0]?.open ?? 0) >= limit) throw new AppError('uploads_exhausted', { limit });
      const claim = { id, tenantId, holder: newId() };
      await client.query(OPEN, [id, tenantId, protocol, claim.holder]);
      return claim;
    });
  }

  /** Shows that the upload is alive. @returns false when the claim is lost */
  async touch({ id, tenantId, holder }: UploadClaim): Promise<boolean> {
    return (await this.database.query(tenantId, TOUCH, [id, tenantId, holder])).length > 0;
  }

  /** Forgets the upload. Its files must be gone before. */
  async remove({ id, tenantId, holder }: UploadClaim): Promise<void> {
    await this.database.query(tenantId, REMOVE, [id, tenantId, holder]);
  }

  /** Takes over uploads whose process has been silent for `staleMs`, to clean up after them. */
  async takeAbandoned(staleMs: number): Promise<UploadClaim[]> {
    const { rows } = await this.everyTenants.pool.query<UploadClaim>(TAKE_ABANDONED, [newId(), staleMs]);
    return rows;
  }
}

const LOCK_TENANT = 'select 1 from tenant where id = $1 for no key update';
const COUNT_OTHERS = 'select count(*) as open from upload where tenant_id = $1 and id <> $2';

/** An id comes back when the request that had it has died, and another one repeats it with the same `Idempotency-Key`. */
const OPEN = `insert into upload as u (id, tenant_id, protocol, holder) values ($1, $2, $3, $4)
  on conflict (id) do update set holder = excluded.holder, touched_at = now() where u.tenant_id = excluded.tenant_id`;

const HELD = 'id = $1 and tenant_id = $2 and holder = $3';
const TOUCH = { name: 'upload-touch', text: `update upload set touched_at = now() where ${HELD} returning id` };
const REMOVE = { name: 'upload-remove', text: `delete from upload where ${HELD}` };

/** Over all tenants. */
const TAKE_ABANDONED = `update upload set holder = $1, touched_at = now() where id in (
    select id from upload where protocol = 'form' and touched_at < now() - $2::bigint * interval '1 millisecond'
    order by touched_at limit 100 for update skip locked
  ) returning id, tenant_id as "tenantId", holder`;
