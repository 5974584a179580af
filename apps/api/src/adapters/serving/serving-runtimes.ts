import { AppError, fieldError } from '@influencerai/shared';
import type { ServedAdapter, ServingRuntime } from './serving-runtime.js';

/** The runtimes of this installation, in the order of the settings; the built-in one comes last. */
export class ServingRuntimes {
  constructor(private readonly all: readonly ServingRuntime[]) {}

  get names(): string[] {
    return this.all.map(({ name }) => name);
  }

  /** @throws AppError `runtime_unavailable` when the settings no longer name it */
  get(name: string): ServingRuntime {
    const found = this.all.find((runtime) => runtime.name === name);
    if (!found)
      throw new AppError('runtime_unavailable', { runtime: name, reason: 'The settings do not name it any more.' });
    return found;
  }

  /**
   * The runtime that is wanted, or the first that takes the adapter.
   * @throws AppError `validation_failed` for an unknown name, `adapter_not_servable` when it or none takes it,
   *   `runtime_unavailable` when the one that might did not answer
   */
  async choose(adapter: ServedAdapter, wanted: string | undefined, signal: AbortSignal): Promise<ServingRuntime> {
    if (wanted !== undefined && !this.names.includes(wanted))
      throw fieldError(['runtime'], `Must be one of: ${this.names.join(', ')}.`);
    const asked = this.all.filter(({ name }) => wanted === undefined || name === wanted);
    let silent: unknown;
    for (const runtime of asked) {
      try {
        if (await runtime.supports(adapter, signal)) return runtime;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'runtime_unavailable') throw error;
        silent ??= error;
      }
    }
    if (silent) throw silent;
    const reason = `${asked.map(({ name }) => name).join(', ')} ${asked.length > 1 ? 'do' : 'does'} not serve it.`;
    throw new AppError('adapter_not_servable', { name: adapter.name, baseModel: adapter.baseModel, reason });
  }
}
