import type { APIPromise } from '../core/api-promise.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { ModelList } from '../generated/types.js';

/** The base models that are there to be trained. */
export class Models {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /** Lists them, each name once. */
  list(options?: RequestOptions): APIPromise<ModelList> {
    return this.transport.json({ method: 'GET', path: '/models', options });
  }
}
