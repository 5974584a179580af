import { AppError, type Generate } from '@influencerai/shared';
import type { ServeRequest } from '@influencerai/tiny';
import type { JobArtifactsRepository } from '../../jobs/job-artifacts.repository.js';
import type { Storage } from '../../storage/storage.js';
import type { Answer, ServedAdapter, ServingRuntime } from './serving-runtime.js';
import { TINY_RUNTIME, TinyFailure, type TinyProgram } from './tiny-program.js';

/** Beyond any rank that the built-in models can use. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The built-in models. Each generation is a process of its own that gets the weights, so there is nothing to forget. */
export class TinyRuntime implements ServingRuntime {
  readonly name = TINY_RUNTIME;

  constructor(
    private readonly program: TinyProgram,
    private readonly artifacts: JobArtifactsRepository,
    private readonly storage: Storage,
  ) {}

  /** Whoever trained it knows its layers; what the base model was called does not matter. */
  supports({ trainer }: ServedAdapter): Promise<boolean> {
    return Promise.resolve(trainer === 'tiny');
  }

  /** Looks whether the weights fit. */
  async load(adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    if (adapter.sizeBytes > MAX_BYTES) throw this.refused(adapter, `It has more than ${MAX_BYTES} bytes.`);
    try {
      await this.run(adapter, { kind: adapter.kind }, signal);
    } catch (error) {
      throw error instanceof TinyFailure ? this.refused(adapter, error.message, error) : error;
    }
  }

  unload(): Promise<void> {
    return Promise.resolve();
  }

  loaded(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async generate(adapter: ServedAdapter, request: Generate, signal: AbortSignal): Promise<Answer> {
    const { prompt, seed, maxTokens, withAdapter } = request;
    const asked: ServeRequest = { kind: adapter.kind, prompt, seed, maxBytes: maxTokens };
    try {
      const made = withAdapter
        ? await this.run(adapter, asked, signal)
        : await this.program.run(asked, undefined, signal);
      return adapter.kind === 'text'
        ? { text: made.toString(), image: null }
        : { text: null, image: { contentType: 'image/png', base64: made.toString('base64') } };
    } catch (error) {
      if (!(error instanceof TinyFailure)) throw error;
      throw new AppError('runtime_unavailable', { runtime: this.name, reason: error.message }, { cause: error });
    }
  }

  private async run(adapter: ServedAdapter, request: ServeRequest, signal: AbortSignal): Promise<Buffer> {
    const { tenantId, jobId, fileName } = adapter;
    const stored = await this.artifacts.find(tenantId, jobId, fileName);
    if (!stored) throw new AppError('adapter_not_found', { name: adapter.name });
    return this.program.run(request, () => this.storage.read(stored.storageKey), signal);
  }

  private refused({ name }: ServedAdapter, reason: string, cause?: unknown): AppError {
    return new AppError('adapter_refused', { runtime: this.name, name, reason }, { cause });
  }
}
