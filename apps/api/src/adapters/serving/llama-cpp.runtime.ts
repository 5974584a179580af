import { AppError, type Generate } from '@influencerai/shared';
import { z } from 'zod';
import { type RuntimeClient, RuntimeRefusal } from './runtime-client.js';
import type { RuntimeLock } from './runtime-lock.repository.js';
import type { Answer, ServedAdapter, ServingRuntime } from './serving-runtime.js';

const AdaptersSchema = z.array(z.object({ id: z.int(), path: z.string(), scale: z.number() }));
type LlamaAdapter = z.infer<typeof AdaptersSchema>[number];

const CompletionSchema = z.object({ content: z.string() });

/**
 * llama.cpp takes adapters at its start alone (`--lora …/<tenant>/<name>.gguf --lora-init-without-apply`), so loading one
 * is to turn its scale up. One request sets the scales of all of them, so changes come one after the other, over all
 * replicas. github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, "/lora-adapters".
 */
export class LlamaCppRuntime implements ServingRuntime {
  readonly name: string;

  constructor(
    private readonly client: RuntimeClient,
    private readonly lock: RuntimeLock,
  ) {
    this.name = client.name;
  }

  async supports(adapter: ServedAdapter, signal: AbortSignal): Promise<boolean> {
    if (adapter.kind !== 'text') return false;
    const { baseModel } = this.client;
    if (baseModel !== undefined && baseModel !== adapter.baseModel) return false;
    return find(await this.list(signal), adapter) !== undefined;
  }

  async load(adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    const isThere = await this.setScale(adapter, 1, signal);
    if (!isThere) throw this.refused(adapter, `It was not started with --lora …/${adapter.servedAs}.gguf.`);
  }

  async unload(adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    await this.setScale(adapter, 0, signal);
  }

  async loaded(signal: AbortSignal): Promise<ReadonlySet<string>> {
    return new Set((await this.list(signal)).filter(({ scale }) => scale !== 0).map(servedAs));
  }

  async generate(adapter: ServedAdapter, request: Generate, signal: AbortSignal): Promise<Answer> {
    const { prompt, seed, maxTokens, withAdapter } = request;
    const all = await this.list(signal);
    const wanted = withAdapter ? find(all, adapter) : undefined;
    const lora = all.map(({ id }) => ({ id, scale: id === wanted?.id ? 1 : 0 }));
    const body = { prompt, seed, n_predict: maxTokens, lora };
    const { content } = await this.speak(() =>
      this.client.post('/completion', body, { schema: CompletionSchema, signal }),
    );
    return { text: content, image: null };
  }

  /** @returns whether it is one of those that the server was started with */
  private setScale(adapter: ServedAdapter, scale: number, signal: AbortSignal): Promise<boolean> {
    return this.lock.runAlone(this.name, async () => {
      const all = await this.list(signal);
      const found = find(all, adapter);
      if (!found) return false;
      // Who is left out gets 0.
      const scales = all.map((one) => ({ id: one.id, scale: one.id === found.id ? scale : one.scale }));
      await this.speak(() => this.client.post('/lora-adapters', scales, { schema: z.unknown(), signal }));
      return true;
    });
  }

  private list(signal: AbortSignal): Promise<LlamaAdapter[]> {
    return this.speak(() => this.client.get('/lora-adapters', AdaptersSchema, signal));
  }

  /** Nothing that is asked here depends on an adapter, so a refusal means that something else is wrong. */
  private async speak<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof RuntimeRefusal ? this.client.unavailable(error.reason, error) : error;
    }
  }

  private refused({ name }: ServedAdapter, reason: string): AppError {
    return new AppError('adapter_refused', { runtime: this.name, name, reason });
  }
}

/** `/models/lora/acme/support.gguf` is the adapter `acme/support`. */
const servedAs = ({ path }: LlamaAdapter): string =>
  path
    .replace(/\.gguf$/i, '')
    .split(/[\\/]/)
    .slice(-2)
    .join('/');

const find = (all: readonly LlamaAdapter[], adapter: ServedAdapter): LlamaAdapter | undefined =>
  all.find((one) => servedAs(one) === adapter.servedAs);
