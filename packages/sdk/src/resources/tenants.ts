import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { CreateTenant, ListTenantsQuery, Tenant, UpdateTenant } from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';

/** Tenants and their limits, for operators. */
export class Tenants {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Creates a tenant. The id must be free, or the call ends in a `ConflictError`.
   *
   * @example
   * ```ts
   * await client.tenants.create({ id: 'studio_north', name: 'Studio North', maxConcurrentJobs: 10 });
   * ```
   */
  create(body: CreateTenant, options?: RequestOptions): APIPromise<Tenant> {
    return this.transport.json({ method: 'POST', path: '/tenants', body, options });
  }

  /** Lists tenants, newest first. Await it for one page, iterate it for all. */
  list(query: ListTenantsQuery = {}, options?: RequestOptions): PagePromise<Tenant> {
    return new PagePromise(loadPage<Tenant>(this.transport, { path: '/tenants', query, options }));
  }

  /** Reads one tenant. */
  get(tenantId: string, options?: RequestOptions): APIPromise<Tenant> {
    return this.transport.json({ method: 'GET', path: path`/tenants/${tenantId}`, options });
  }

  /** Changes limits, or disables a tenant: its callers are refused, its jobs go on. */
  update(tenantId: string, body: UpdateTenant, options?: RequestOptions): APIPromise<Tenant> {
    return this.transport.json({ method: 'PATCH', path: path`/tenants/${tenantId}`, body, options });
  }
}
