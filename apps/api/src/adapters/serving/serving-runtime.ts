import type { Adapter, Generate, Generated } from '@influencerai/shared';

/** What a runtime needs to know of an adapter. */
export type ServedAdapter = Pick<
  Adapter,
  'id' | 'tenantId' | 'name' | 'jobId' | 'kind' | 'baseModel' | 'trainer' | 'fileName' | 'sizeBytes' | 'servedAs'
>;

export type Answer = Pick<Generated, 'text' | 'image'>;

/**
 * A program that answers with a base model and adapters on top of it. Every call takes a signal and ends with it.
 *
 * Methods fail with `adapter_refused` when the runtime has understood and will not, with `runtime_unavailable` when there
 * is no answer that means anything.
 */
export interface ServingRuntime {
  /** As clients name it. */
  readonly name: string;

  /** Whether the adapter fits what runs there. */
  supports(adapter: ServedAdapter, signal: AbortSignal): Promise<boolean>;

  /** Loads it; does nothing when it is loaded. */
  load(adapter: ServedAdapter, signal: AbortSignal): Promise<void>;

  /** Unloads it; does nothing when it is not loaded. */
  unload(adapter: ServedAdapter, signal: AbortSignal): Promise<void>;

  /** `servedAs` of every adapter that is loaded; undefined for a runtime that cannot forget one. */
  loaded(signal: AbortSignal): Promise<ReadonlySet<string> | undefined>;

  generate(adapter: ServedAdapter, request: Generate, signal: AbortSignal): Promise<Answer>;
}
