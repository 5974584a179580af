import type { APIPromise } from '../core/api-promise.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { Usage } from '../generated/types.js';

/** Limits of the tenant. */
export class UsageResource {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Reads every limit of the tenant and how much of it is used.
   *
   * @example
   * ```ts
   * const { jobs, storage } = await client.usage.get();
   * console.log(`${jobs.queued.used} of ${jobs.queued.limit} jobs queued, ${storage.usedBytes} bytes stored`);
   * ```
   */
  get(options?: RequestOptions): APIPromise<Usage> {
    return this.transport.json({ method: 'GET', path: '/usage', options });
  }
}
