import type { APIPromise } from '../core/api-promise.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type { TrainingDefaults, UpdateTrainingDefaults } from '../generated/types.js';

/** What jobs begin with that leave values out, in the contracts that promise it. */
export class TrainingDefaultsResource {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  get(options?: RequestOptions): APIPromise<TrainingDefaults> {
    return this.transport.json({ method: 'GET', path: '/config', options });
  }

  /** Changes what the next jobs begin with; jobs that were submitted keep theirs. */
  update(body: UpdateTrainingDefaults, options?: RequestOptions): APIPromise<TrainingDefaults> {
    return this.transport.json({ method: 'PATCH', path: '/config', body, options });
  }
}
