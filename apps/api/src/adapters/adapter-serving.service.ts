import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  type Adapter,
  type AdapterStatus,
  AppError,
  type Generate,
  type Generated,
  isAdapterBusy,
  type LoadAdapter,
} from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { CONFIG, type Config } from '../env.js';
import type { AdapterRecord } from './adapter.mapper.js';
import { type AdapterClaim, AdaptersRepository } from './adapters.repository.js';
import type { ServingRuntime } from './serving/serving-runtime.js';
import { ServingRuntimes } from './serving/serving-runtimes.js';

type Owner = Pick<Principal, 'tenantId'>;

const LOOK_AGAIN_MS = 100;

/**
 * Loads adapters into the runtimes that serve them. Who begins writes so into the row and names the state that it found;
 * of two that begin at once, on whatever replica, one does the work and the other waits for its end.
 */
@Injectable()
export class AdapterServingService {
  private readonly logger = new Logger(AdapterServingService.name);

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'serving'>,
    private readonly adapters: AdaptersRepository,
    private readonly runtimes: ServingRuntimes,
  ) {}

  /** After so long whoever began is taken for dead. */
  get staleMs(): number {
    return 2 * this.config.serving.timeoutMs;
  }

  /**
   * Loads an adapter, again where the runtime has forgotten it. One that is loaded stays as it is.
   * @throws AppError `adapter_not_found`, `adapter_in_use` when another runtime has it, `adapter_busy`,
   *   `adapter_not_servable`, `adapter_refused`, `runtime_unavailable`, `validation_failed`
   */
  async load({ tenantId }: Owner, name: string, { runtime: wanted }: LoadAdapter = {}): Promise<Adapter> {
    const signal = this.timeLimit();
    for (;;) {
      const found = await this.settled(tenantId, name);
      const { adapter } = found;
      const runtime = await this.runtimeFor(adapter, wanted, signal);
      const wasLoaded = adapter.status === 'loaded';
      if (wasLoaded && runtime.name === adapter.runtime && (await has(runtime, adapter, signal))) return adapter;
      const claim = await this.adapters.begin({ found, to: 'loading', runtime: runtime.name });
      const work = () => runtime.load(adapter, signal);
      // A runtime that is just starting again has forgotten it and does not answer yet; the sweep tries again.
      if (claim) return this.carryOut(claim, { work, done: 'loaded', silent: wasLoaded ? 'loaded' : 'failed' });
    }
  }

  /**
   * The same, in place of those that were loaded so before, which are unloaded then; others stay. Of two at once the one
   * that was loaded last stays.
   * @throws AppError those of {@link load}, `runtime_unavailable` when an earlier one is not let go of
   */
  async loadInPlace(owner: Owner, name: string): Promise<Adapter> {
    for (;;) {
      const adapter = await this.load(owner, name);
      const replaced = await this.adapters.makeCurrent(adapter);
      // Another one took its place before it was the current one.
      if (!replaced) continue;
      for (const earlier of replaced) await this.unloadReplaced(owner, earlier).catch(unlessUnloaded);
      return adapter;
    }
  }

  /** @throws AppError `adapter_not_found`, `adapter_not_loaded`, `adapter_busy`, `runtime_unavailable` */
  async unload({ tenantId }: Owner, name: string): Promise<Adapter> {
    for (;;) {
      const found = await this.settled(tenantId, name);
      const { status } = found.adapter;
      if (status === 'unloaded' || status === 'deleting') throw new AppError('adapter_not_loaded', { name, status });
      const unloaded = await this.unloadFound(found);
      if (unloaded) return unloaded;
    }
  }

  /** The one that was loaded {@link loadInPlace in place} of others, else the one that was loaded last; undefined where none is. */
  current({ tenantId }: Owner): Promise<Adapter | undefined> {
    return this.adapters.findCurrent(tenantId);
  }

  /** Unloads the {@link current} one. @throws AppError `adapter_none_loaded`, and those of {@link unload} */
  async unloadCurrent(owner: Owner): Promise<Adapter> {
    const current = await this.current(owner);
    if (!current) throw new AppError('adapter_none_loaded');
    return this.unload(owner, current.name);
  }

  /**
   * Asks the runtime that has the adapter. Where it has forgotten it, it is loaded again first.
   * @param gone the caller waits no longer
   * @throws AppError `adapter_not_found`, `adapter_not_loaded`, `runtime_busy`, and what {@link load} throws
   */
  async generate({ tenantId }: Owner, name: string, request: Generate, gone: AbortSignal): Promise<Generated> {
    const found = await this.settled(tenantId, name);
    const { status } = found.adapter;
    if (status !== 'loaded') throw new AppError('adapter_not_loaded', { name, status });
    const adapter = request.withAdapter ? await this.load({ tenantId }, name) : found.adapter;
    const runtime = this.runtimes.get(adapter.runtime ?? '');
    const signal = AbortSignal.any([gone, this.timeLimit()]);
    const answer = await runtime.generate(adapter, request, signal);
    return { runtime: runtime.name, seed: request.seed, withAdapter: request.withAdapter, ...answer };
  }

  /**
   * Begins the deletion of an adapter that no runtime has. One whose loading failed may be there after all, so that its
   * runtime is asked to forget it, and may be away.
   * @throws AppError `adapter_not_found`, `adapter_in_use`, `adapter_busy`
   */
  async release({ tenantId }: Owner, name: string): Promise<AdapterClaim> {
    const found = await this.adapters.getByName(tenantId, name);
    const { status, runtime } = found.adapter;
    const isStale = this.isStale(found);
    if (!isStale && status !== 'deleting' && (status === 'loaded' || isAdapterBusy(status)))
      throw new AppError('adapter_in_use', { name, status, runtime });
    const claim = await this.adapters.begin({ found, to: 'deleting' });
    if (!claim)
      throw new AppError('adapter_busy', {
        name,
        status: (await this.adapters.getByName(tenantId, name)).adapter.status,
      });
    await this.forget(claim.adapter);
    return claim;
  }

  /**
   * One look at an adapter that should be loaded, or that somebody began with and did not finish.
   */
  async reconcile({ tenantId }: Owner, name: string): Promise<void> {
    const found = await this.adapters.getByName(tenantId, name);
    const { status, runtime } = found.adapter;
    if (status === 'loaded' || (status === 'loading' && this.isStale(found)))
      await this.load({ tenantId }, name, { runtime: runtime ?? undefined });
    if (status === 'unloading' && this.isStale(found)) await this.unload({ tenantId }, name);
  }

  /** Unloads an adapter that another one took the place of, unless it is the current one again by now. */
  private async unloadReplaced({ tenantId }: Owner, name: string): Promise<void> {
    for (;;) {
      const found = await this.settled(tenantId, name);
      if (!(await this.adapters.isReplaced(found.adapter))) return;
      if (await this.unloadFound(found)) return;
    }
  }

  /** @returns undefined when somebody was faster */
  private async unloadFound(found: AdapterRecord): Promise<Adapter | undefined> {
    const { status, runtime } = found.adapter;
    const claim = await this.adapters.begin({ found, to: 'unloading' });
    if (!claim) return undefined;
    const work = () => this.unloadFrom(runtime, claim.adapter);
    return this.carryOut(claim, { work, done: 'unloaded', silent: status === 'failed' ? 'failed' : 'loaded' });
  }

  /** Runs what was begun and writes down how it ended. */
  private async carryOut(claim: AdapterClaim, { work, done, silent }: Undertaking): Promise<Adapter> {
    try {
      await work();
    } catch (error) {
      const isRefused = error instanceof AppError && error.code !== 'runtime_unavailable';
      await this.adapters.settle(claim, { status: isRefused ? 'failed' : silent, reason: reasonOf(error) });
      throw error;
    }
    return this.adapters.settle(claim, { status: done });
  }

  /** A runtime that the settings do not name any more has nothing of ours. */
  private async unloadFrom(runtime: string | null, adapter: Adapter): Promise<void> {
    if (runtime === null || !this.runtimes.names.includes(runtime)) return;
    await this.runtimes.get(runtime).unload(adapter, this.timeLimit());
  }

  /** The adapter once nobody is at work on it. @throws AppError `adapter_not_found`, `adapter_busy` */
  private async settled(tenantId: string, name: string): Promise<AdapterRecord> {
    const deadline = Date.now() + this.config.serving.timeoutMs;
    for (;;) {
      const found = await this.adapters.getByName(tenantId, name);
      const { status } = found.adapter;
      if (!isAdapterBusy(status) || (status !== 'deleting' && this.isStale(found))) return found;
      if (status === 'deleting' || Date.now() > deadline) throw new AppError('adapter_busy', { name, status });
      await pause(LOOK_AGAIN_MS);
    }
  }

  private async runtimeFor(adapter: Adapter, wanted: string | undefined, signal: AbortSignal): Promise<ServingRuntime> {
    const { name, status, runtime } = adapter;
    if (status !== 'loaded' || runtime === null || !this.runtimes.names.includes(runtime))
      return this.runtimes.choose(adapter, wanted, signal);
    if (wanted !== undefined && wanted !== runtime) {
      await this.runtimes.choose(adapter, wanted, signal);
      throw new AppError('adapter_in_use', { name, status, runtime });
    }
    return this.runtimes.get(runtime);
  }

  private async forget(adapter: Adapter): Promise<void> {
    try {
      await this.unloadFrom(adapter.runtime, adapter);
    } catch (error) {
      this.logger.warn({ err: error, adapter: adapter.id }, 'A runtime may still have an adapter that is deleted.');
    }
  }

  private isStale({ adapter, statusAt }: AdapterRecord): boolean {
    return isAdapterBusy(adapter.status) && Date.now() - statusAt.getTime() > this.staleMs;
  }

  private timeLimit(): AbortSignal {
    return AbortSignal.timeout(this.config.serving.timeoutMs);
  }
}

interface Undertaking {
  work: () => Promise<void>;
  /** What it ends in. */
  done: AdapterStatus;
  /** What it is again when the runtime did not answer; a refusal ends in `failed`. */
  silent: AdapterStatus;
}

const reasonOf = (error: unknown): string =>
  error instanceof AppError ? String(error.details['reason'] ?? error.message) : 'A fault of the service.';

/** Somebody else was faster. */
function unlessUnloaded(error: unknown): void {
  const isGone = error instanceof AppError && ['adapter_not_loaded', 'adapter_not_found'].includes(error.code);
  if (!isGone) throw error;
}

async function has(runtime: ServingRuntime, { servedAs }: Adapter, signal: AbortSignal): Promise<boolean> {
  const loaded = await runtime.loaded(signal);
  return loaded === undefined || loaded.has(servedAs);
}
