import { Injectable } from '@nestjs/common';
import {
  type Adapter,
  type AdapterStatus,
  AppError,
  canAdapterBecome,
  type ListAdaptersQuery,
  type Page,
} from '@influencerai/shared';
import { Database, type PreparedQuery } from '../database/database.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { newId } from '../http/new-id.js';
import { type AdapterRecord, fromRow } from './adapter.mapper.js';

/** The right to finish what was begun on an adapter. It ends when somebody takes it over. */
export interface AdapterClaim {
  adapter: Adapter;
  holder: string;
}

/** A change of the status, from the state that was found. */
export interface BeginChange {
  found: AdapterRecord;
  to: AdapterStatus;
  /** The runtime that is asked; default: the one that the row names. */
  runtime?: string;
}

export interface Settlement {
  status: AdapterStatus;
  reason?: string;
}

/** The adapters that the sweep looks at. */
export interface Served {
  tenantId: string;
  name: string;
  status: AdapterStatus;
}

const WITH_FILE = { artifact: { select: { sizeBytes: true, sha256: true, storageKey: true } } } as const;

const LATEST_FIRST = { sort: 'desc', nulls: 'last' } as const;
const CURRENT_FIRST = [{ currentSince: LATEST_FIRST }, { loadedAt: LATEST_FIRST }, { id: 'desc' as const }];

/** Adapters, made by a trigger when their jobs complete. Their status is written here alone, as the state table says. */
@Injectable()
export class AdaptersRepository {
  constructor(
    private readonly database: TenantDatabase,
    private readonly everyTenants: Database,
  ) {}

  /** @throws AppError `adapter_not_found` */
  async getByName(tenantId: string, name: string): Promise<AdapterRecord> {
    const find = { where: { tenantId, name }, include: WITH_FILE };
    const row = NAME.test(name)
      ? await this.database.read(tenantId, (prisma) => prisma.adapter.findFirst(find))
      : undefined;
    if (!row) throw new AppError('adapter_not_found', { name });
    return fromRow(row);
  }

  async list(tenantId: string, query: ListAdaptersQuery): Promise<Page<Adapter>> {
    const { baseModel, status, take, skip, sortBy, sortOrder } = query;
    const where = { tenantId, baseModel, status };
    // Of those that are not loaded there is no such time.
    const order = sortBy === 'loadedAt' ? { sort: sortOrder, nulls: 'last' as const } : sortOrder;
    const orderBy = [{ [sortBy]: order }, { id: sortOrder }];
    const { rows, total } = await this.database.read(tenantId, async (prisma) => ({
      rows: await prisma.adapter.findMany({ where, take, skip, orderBy, include: WITH_FILE }),
      total: await prisma.adapter.count({ where }),
    }));
    return { data: rows.map((row) => fromRow(row).adapter), total, take, skip };
  }

  /** @returns undefined when none is loaded */
  async findCurrent(tenantId: string): Promise<Adapter | undefined> {
    const find = { where: { tenantId, status: 'loaded' as const }, orderBy: CURRENT_FIRST, include: WITH_FILE };
    const row = await this.database.read(tenantId, (prisma) => prisma.adapter.findFirst(find));
    return row ? fromRow(row).adapter : undefined;
  }

  /**
   * Makes a loaded adapter the current one. Of two at once, the later one sees the earlier, and not the other way round.
   * Whoever has read the adapter before cannot begin with it any more.
   * @returns the names of those that were it before and are not unloaded yet; undefined when it is not loaded any more
   */
  makeCurrent({ tenantId, id }: Adapter): Promise<string[] | undefined> {
    return this.database.transaction(tenantId, async (client) => {
      await client.query(LOCK_TENANT, [tenantId]);
      const { rowCount } = await client.query(MAKE_CURRENT, [tenantId, id, newId()]);
      if (rowCount === 0) return undefined;
      const { rows } = await client.query<{ name: string }>(LIST_REPLACED, [tenantId]);
      return rows.map(({ name }) => name);
    });
  }

  /** Whether the adapter was the current one and another one is it now. */
  async isReplaced({ tenantId, name }: Adapter): Promise<boolean> {
    const rows = await this.database.query<{ name: string }>(tenantId, LIST_REPLACED, [tenantId]);
    return rows.some((row) => row.name === name);
  }

  /** @throws AppError `adapter_not_found` */
  async describe(tenantId: string, name: string, description: string | null): Promise<Adapter> {
    const { adapter } = await this.getByName(tenantId, name);
    const change = { where: { tenantId, id: adapter.id }, data: { description, updatedAt: new Date() } };
    await this.database.write(tenantId, (prisma) => prisma.adapter.updateMany(change));
    return (await this.getByName(tenantId, name)).adapter;
  }

  /** @returns undefined when somebody has changed the status since it was read, or the table does not allow it */
  async begin({ found, to, runtime }: BeginChange): Promise<AdapterClaim | undefined> {
    const { adapter, holder } = found;
    if (!canAdapterBecome(adapter.status, to)) return undefined;
    const next = newId();
    const values = [adapter.tenantId, adapter.id, adapter.status, holder, to, next, runtime ?? null];
    const [row] = await this.database.query<{ id: string }>(adapter.tenantId, BEGIN, values);
    return row && { adapter: { ...adapter, status: to, runtime: runtime ?? adapter.runtime }, holder: next };
  }

  /** Ends what the claim has begun. @throws AppError `adapter_busy` when somebody has taken it over */
  async settle({ adapter, holder }: AdapterClaim, { status, reason }: Settlement): Promise<Adapter> {
    const { tenantId, id, name } = adapter;
    const values = [tenantId, id, holder, status, reason ?? null, newId()];
    const [row] = await this.database.query<{ id: string }>(tenantId, SETTLE, values);
    if (!row) throw new AppError('adapter_busy', { name, status: adapter.status });
    return (await this.getByName(tenantId, name)).adapter;
  }

  /** Keys of the weights and of what belongs to them. Checkpoints and samples are the job's history. */
  async filesOf({ tenantId, jobId }: Adapter): Promise<string[]> {
    const find = { where: { tenantId, jobId, kind: { in: FILE_KINDS } }, select: { storageKey: true } };
    const rows = await this.database.read(tenantId, (prisma) => prisma.jobArtifact.findMany(find));
    return rows.map(({ storageKey }) => storageKey);
  }

  /** Forgets the adapter and its files, which must be gone before. */
  async remove({ adapter: { tenantId, id, jobId }, holder }: AdapterClaim): Promise<void> {
    await this.database.write(tenantId, async (transaction) => {
      const { count } = await transaction.adapter.deleteMany({ where: { tenantId, id, holder } });
      if (count > 0) await transaction.jobArtifact.deleteMany({ where: { tenantId, jobId, kind: { in: FILE_KINDS } } });
    });
  }

  /**
   * Of all tenants: those that a runtime should have, and those that somebody began with `staleMs` ago and did not finish.
   * `tiny` is left out: it forgets nothing.
   */
  listServed(staleMs: number): Promise<Served[]> {
    return this.everyTenants.query<Served>(LIST_SERVED, [staleMs]);
  }
}

/** What {@link AdaptersRepository.getByName} need not ask the database about. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,149}$/;

const FILE_KINDS = ['lora', 'file'];

const BEGIN: PreparedQuery = {
  name: 'adapter-begin',
  text: `update adapter set status = $5::adapter_status, holder = $6::uuid, runtime = coalesce($7, runtime), status_at = now(),
      updated_at = now()
    where tenant_id = $1 and id = $2 and status = $3::adapter_status and holder is not distinct from $4::uuid
    returning id`,
};

const SETTLE: PreparedQuery = {
  name: 'adapter-settle',
  text: `update adapter set status = $4::adapter_status, status_reason = $5, holder = $6::uuid, status_at = now(), updated_at = now(),
      runtime = case when $4 = 'unloaded' then null else runtime end,
      current_since = case when $4 = 'loaded' then current_since end,
      loaded_at = case when $4 <> 'loaded' then null when status = 'loading' then now() else loaded_at end
    where tenant_id = $1 and id = $2 and holder = $3::uuid returning id`,
};

const LOCK_TENANT = 'select 1 from tenant where id = $1 for no key update';

const MAKE_CURRENT = `update adapter set current_since = clock_timestamp(), holder = $3::uuid, updated_at = now()
  where tenant_id = $1 and id = $2 and status = 'loaded'`;

const LIST_REPLACED: PreparedQuery = {
  name: 'adapter-list-replaced',
  text: `select a.name from adapter a where a.tenant_id = $1 and a.current_since < (
      select max(c.current_since) from adapter c where c.tenant_id = $1 and c.status = 'loaded')
    order by a.current_since`,
};

const LIST_SERVED: PreparedQuery = {
  name: 'adapter-list-served',
  text: `select tenant_id as "tenantId", name, status from adapter
    where (status = 'loaded' and runtime <> 'tiny')
      or (status in ('loading', 'unloading', 'deleting') and status_at < now() - $1::int * interval '1 millisecond')
    order by tenant_id, name`,
};
