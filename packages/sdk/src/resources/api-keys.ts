import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { ApiKey, CreateApiKey, ListApiKeysQuery, NewApiKey, RotateApiKey } from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';

/** Keys of the tenant, or of operators where the client names no tenant. They need a credential with the scope `admin`. */
export class ApiKeys {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Makes a key. `key` in the answer is the only time that it is shown, so nothing repeats the call by itself.
   *
   * @example
   * ```ts
   * const { key } = await client.apiKeys.create({ name: 'n8n', scopes: ['read', 'write'] });
   * ```
   */
  create(body: CreateApiKey, options?: RequestOptions): APIPromise<NewApiKey> {
    return this.transport.json({ method: 'POST', path: '/api-keys', body, options });
  }

  /** Lists keys without their secrets, newest first. Await it for one page, iterate it for all. */
  list(query: ListApiKeysQuery = {}, options?: RequestOptions): PagePromise<ApiKey> {
    return new PagePromise(loadPage<ApiKey>(this.transport, { path: '/api-keys', query, options }));
  }

  /** Reads one key, without its secret. */
  get(keyId: string, options?: RequestOptions): APIPromise<ApiKey> {
    return this.transport.json({ method: 'GET', path: path`/api-keys/${keyId}`, options });
  }

  /** Replaces the secret; the old one goes on working for `overlapSeconds`. */
  rotate(keyId: string, body: RotateApiKey = {}, options?: RequestOptions): APIPromise<NewApiKey> {
    return this.transport.json({ method: 'POST', path: path`/api-keys/${keyId}/rotate`, body, options });
  }

  /** Revokes a key for good. */
  revoke(keyId: string, options?: RequestOptions): APIPromise<ApiKey> {
    return this.transport.json({ method: 'DELETE', path: path`/api-keys/${keyId}`, options });
  }
}
