import type { APIPromise } from '../core/api-promise.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import { followEvents, type StreamOptions } from '../core/sse.js';
import type {
  ClaimAnswer,
  ClaimRequest,
  ControlWorkerPool,
  Directive,
  Heartbeat,
  HeartbeatAnswer,
  RegisteredWorker,
  RegisterWorker,
  ReportWorkerPool,
  WorkerList,
  WorkerPool,
  WorkerPoolOrder,
} from '../generated/types.js';
import { path } from '../internal/path.js';

/** The machines that run jobs, and what they themselves call. */
export class Workers {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /** Announces a worker. Its id stays the same over restarts, so doing it again is safe. */
  register(body: RegisterWorker, options?: RequestOptions): APIPromise<RegisteredWorker> {
    return this.transport.json({ method: 'POST', path: '/workers', body, options, isRepeatable: true });
  }

  /**
   * Asks for a job. A failure that may have claimed one is not retried, unless an `idempotencyKey` is given: the lease
   * of a job whose answer got lost runs out, and the job goes to the next claim.
   *
   * @example
   * ```ts
   * const { job } = await client.workers.claim(workerId, { trainers: ['kohya'] });
   * ```
   */
  claim(workerId: string, body: ClaimRequest, options?: RequestOptions): APIPromise<ClaimAnswer> {
    return this.transport.json({ method: 'POST', path: path`/workers/${workerId}/claims`, body, options });
  }

  /** Extends the leases of the attempts that the worker holds, and learns what to do with each. */
  heartbeat(workerId: string, body: Heartbeat, options?: RequestOptions): APIPromise<HeartbeatAnswer> {
    const target = path`/workers/${workerId}/heartbeat`;
    return this.transport.json({ method: 'POST', path: target, body, options, isRepeatable: true });
  }

  /** Lists the workers. */
  list(options?: RequestOptions): APIPromise<WorkerList> {
    return this.transport.json({ method: 'GET', path: '/workers', options });
  }

  /** Reads how many workers a supervisor runs; for operators. */
  pool(options?: RequestOptions): APIPromise<WorkerPool> {
    return this.transport.json({ method: 'GET', path: '/fleet/pool', options });
  }

  /** Starts, stops or replaces workers; for operators. Where no supervisor runs them it ends in a `ConflictError`. */
  controlPool(body: ControlWorkerPool, options?: RequestOptions): APIPromise<WorkerPool> {
    return this.transport.json({ method: 'POST', path: '/fleet/pool', body, options });
  }

  /** What a supervisor says, every other moment; the answer is what it is to do. */
  reportPool(body: ReportWorkerPool, options?: RequestOptions): APIPromise<WorkerPoolOrder> {
    return this.transport.json({ method: 'POST', path: '/fleet/pool/reports', body, options, isRepeatable: true });
  }

  /** Follows the directives for a worker until the signal is aborted, which throws an `AbortError`. */
  async *control(workerId: string, options: StreamOptions = {}): AsyncGenerator<Directive, void, undefined> {
    const source = { transport: this.transport, path: path`/workers/${workerId}/control`, options };
    for await (const { event, data } of followEvents(source)) {
      if (event === 'directive') yield JSON.parse(data) as Directive;
    }
  }
}
