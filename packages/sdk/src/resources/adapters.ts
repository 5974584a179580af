import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type {
  Adapter,
  DeletedAdapter,
  Generate,
  Generated,
  ListAdaptersQuery,
  LoadAdapter,
  UpdateAdapter,
} from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';
import type { DownloadOptions } from './job-artifacts.js';

/** A runtime may take its time: the service itself gives up after a minute, unless it is set up otherwise. */
const SERVING_TIMEOUT_MS = 2 * 60 * 1000;

/** Finished LoRAs, loaded into the servers that answer with them. */
export class Adapters {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /** Lists adapters, newest first. Await it for one page, iterate it for all. */
  list(query: ListAdaptersQuery = {}, options?: RequestOptions): PagePromise<Adapter> {
    return new PagePromise(loadPage<Adapter>(this.transport, { path: '/adapters', query, options }));
  }

  /** Reads one adapter. */
  get(name: string, options?: RequestOptions): APIPromise<Adapter> {
    return this.transport.json({ method: 'GET', path: path`/adapters/${name}`, options });
  }

  /** Describes an adapter. */
  update(name: string, body: UpdateAdapter, options?: RequestOptions): APIPromise<Adapter> {
    return this.transport.json({ method: 'PATCH', path: path`/adapters/${name}`, body, options });
  }

  /** Deletes an adapter with its files. One that is loaded ends in a `ConflictError`. */
  delete(name: string, options?: RequestOptions): APIPromise<DeletedAdapter> {
    return this.transport.json({ method: 'DELETE', path: path`/adapters/${name}`, options });
  }

  /** Loads an adapter into a runtime, or leaves it where it is. The time limit is 2 minutes unless `timeoutMs` is given. */
  load(name: string, body: LoadAdapter = {}, options?: RequestOptions): APIPromise<Adapter> {
    return this.transport.json({ method: 'POST', path: path`/adapters/${name}/load`, body, options: patient(options) });
  }

  /** Unloads an adapter. The time limit is as for `load`. */
  unload(name: string, options?: RequestOptions): APIPromise<Adapter> {
    return this.transport.json({ method: 'POST', path: path`/adapters/${name}/unload`, options: patient(options) });
  }

  /**
   * Writes or draws with a loaded adapter, or, to compare, with its base model alone. The time limit is as for `load`.
   *
   * @example
   * ```ts
   * await client.adapters.load('support-answers');
   * const prompt = 'How do I return a parcel?';
   * const { text } = await client.adapters.generate('support-answers', { prompt, seed: 7 });
   * const before = await client.adapters.generate('support-answers', { prompt, seed: 7, withAdapter: false });
   * ```
   */
  generate(name: string, body: Generate, options?: RequestOptions): APIPromise<Generated> {
    const target = path`/adapters/${name}/generate`;
    return this.transport.json({ method: 'POST', path: target, body, options: patient(options) });
  }

  /** Opens the weights for reading. The time limit holds until the headers are there; the body has none. */
  download(name: string, { range, ...options }: DownloadOptions = {}): Promise<Response> {
    const headers = { accept: '*/*', ...(range && { range: `bytes=${range.start}-${range.end ?? ''}` }) };
    return this.transport.raw({ method: 'GET', path: path`/adapters/${name}/download`, headers, options });
  }
}

const patient = (options?: RequestOptions): RequestOptions => ({ timeoutMs: SERVING_TIMEOUT_MS, ...options });
