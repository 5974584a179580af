import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type {
  CreateLoraConfig,
  DeletedLoraConfig,
  ListLoraConfigsQuery,
  LoraConfig,
  UpdateLoraConfig,
} from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';

/** Reusable sets of training parameters. */
export class LoraConfigs {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Creates a configuration. The name must be free, or the call ends in a `ConflictError`.
   *
   * @example
   * ```ts
   * const config = await client.loraConfigs.create({ name: 'Balanced', modelName: 'sd15', epochs: 20, networkDim: 16 });
   * ```
   */
  create(body: CreateLoraConfig, options?: RequestOptions): APIPromise<LoraConfig> {
    return this.transport.json({ method: 'POST', path: '/lora-configs', body, options, isCreation: true });
  }

  /** Lists configurations, newest first. Await it for one page, iterate it for all. */
  list(query: ListLoraConfigsQuery = {}, options?: RequestOptions): PagePromise<LoraConfig> {
    return new PagePromise(loadPage<LoraConfig>(this.transport, { path: '/lora-configs', query, options }));
  }

  /** Reads one configuration. */
  get(configId: string, options?: RequestOptions): APIPromise<LoraConfig> {
    return this.transport.json({ method: 'GET', path: path`/lora-configs/${configId}`, options });
  }

  /** Changes some fields. Jobs that were submitted before keep the values they were submitted with. */
  update(configId: string, body: UpdateLoraConfig, options?: RequestOptions): APIPromise<LoraConfig> {
    return this.transport.json({ method: 'PATCH', path: path`/lora-configs/${configId}`, body, options });
  }

  /** Deletes a configuration that no active job uses; `warnings` says, for example, that it was the default one. */
  delete(configId: string, options?: RequestOptions): APIPromise<DeletedLoraConfig> {
    return this.transport.json({ method: 'DELETE', path: path`/lora-configs/${configId}`, options });
  }
}
