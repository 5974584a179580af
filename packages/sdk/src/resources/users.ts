import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { CreateUser, ListUsersQuery, UpdateUser, User } from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';

/** The people and programs of a tenant, for its administrators. */
export class Users {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Creates a user.
   *
   * @example
   * ```ts
   * await client.users.create({ id: 'ada', name: 'Ada Lovelace' });
   * ```
   */
  create(body: CreateUser, options?: RequestOptions): APIPromise<User> {
    return this.transport.json({ method: 'POST', path: '/users', body, options });
  }

  /** Lists users, newest first. Await it for one page, iterate it for all. */
  list(query: ListUsersQuery = {}, options?: RequestOptions): PagePromise<User> {
    return new PagePromise(loadPage<User>(this.transport, { path: '/users', query, options }));
  }

  /** Reads one user. */
  get(userId: string, options?: RequestOptions): APIPromise<User> {
    return this.transport.json({ method: 'GET', path: path`/users/${userId}`, options });
  }

  /** Renames a user, or disables it: its keys and tokens are refused. */
  update(userId: string, body: UpdateUser, options?: RequestOptions): APIPromise<User> {
    return this.transport.json({ method: 'PATCH', path: path`/users/${userId}`, body, options });
  }

  /** Removes a user together with its keys. */
  delete(userId: string, options?: RequestOptions): APIPromise<void> {
    return this.transport.json({ method: 'DELETE', path: path`/users/${userId}`, options });
  }
}
