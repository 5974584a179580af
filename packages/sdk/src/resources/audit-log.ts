import type { APIPromise } from '../core/api-promise.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { AuditLogPage, AuditVerification, ListAuditLogQuery } from '../generated/types.js';

/** Who did what. It needs a credential with the scope `admin`. */
export class AuditLog {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /** Reads one page, newest first; send its `cursor` as `before` for the next. */
  list(query: ListAuditLogQuery = {}, options?: RequestOptions): APIPromise<AuditLogPage> {
    return this.transport.json({ method: 'GET', path: '/audit-log', query, options });
  }

  /** Checks that no entry was changed or taken out. For operators. */
  verify(options?: RequestOptions): APIPromise<AuditVerification> {
    return this.transport.json({ method: 'GET', path: '/audit-log/verification', options });
  }
}
