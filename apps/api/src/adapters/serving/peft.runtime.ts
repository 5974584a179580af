import { AppError, type Generate } from '@influencerai/shared';
import { z } from 'zod';
import { listModels, type ServedModels } from './openai-models.js';
import { type RuntimeClient, RuntimeRefusal } from './runtime-client.js';
import type { Answer, ServedAdapter, ServingRuntime } from './serving-runtime.js';
import type { StagedAdapters } from './staged-adapters.repository.js';

const CompletionSchema = z.object({ choices: z.array(z.object({ text: z.string() })).min(1) });

/** What differs between the servers that take PEFT folders while they run. */
export interface PeftDialect {
  loadPath: string;
  unloadPath: string;
  /** What the operator has to do when there is no such route. */
  enable: string;
  /** Names the model of a completion. */
  model(servedAs: string | undefined, models: ServedModels): Record<string, unknown>;
}

/** docs.vllm.ai/en/stable/features/lora.html, "Dynamically serving LoRA Adapters". */
export const VLLM: PeftDialect = {
  loadPath: '/v1/load_lora_adapter',
  unloadPath: '/v1/unload_lora_adapter',
  enable: 'It was not started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True',
  model: (servedAs, { base }) => ({ model: servedAs ?? base }),
};

/** docs.sglang.io/advanced_features/lora.html, "Dynamic LoRA loading". */
export const SGLANG: PeftDialect = {
  loadPath: '/load_lora_adapter',
  unloadPath: '/unload_lora_adapter',
  enable: 'It was not started with --enable-lora',
  model: (servedAs, { base }) => ({ model: base, ...(servedAs !== undefined && { lora_path: servedAs }) }),
};

/** vLLM and SGLang: both load a PEFT folder by name and path, and list it among their models. */
export class PeftRuntime implements ServingRuntime {
  readonly name: string;

  constructor(
    private readonly client: RuntimeClient,
    private readonly dialect: PeftDialect,
    private readonly staged: StagedAdapters,
  ) {
    this.name = client.name;
  }

  /** Only TRL writes what PEFT reads. */
  async supports({ trainer, baseModel }: ServedAdapter, signal: AbortSignal): Promise<boolean> {
    if (trainer !== 'trl') return false;
    const pinned = this.client.baseModel;
    return pinned === undefined ? (await this.models(signal)).bases.has(baseModel) : pinned === baseModel;
  }

  async load(adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    const path = await this.staged.stage(adapter, signal);
    const body = { lora_name: adapter.servedAs, lora_path: path };
    try {
      await this.client.post(this.dialect.loadPath, body, { schema: z.unknown(), signal });
    } catch (error) {
      // Somebody was faster, or the answer to an earlier request was lost.
      if (error instanceof RuntimeRefusal && /already (been )?loaded/i.test(error.reason)) return;
      await this.staged.remove(adapter);
      throw this.explain(error, adapter);
    }
  }

  async unload(adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    const loaded = await this.loaded(signal);
    if (loaded.has(adapter.servedAs)) await this.post(this.dialect.unloadPath, adapter, signal);
    await this.staged.remove(adapter);
  }

  async loaded(signal: AbortSignal): Promise<ReadonlySet<string>> {
    return (await this.models(signal)).adapters;
  }

  async generate(adapter: ServedAdapter, request: Generate, signal: AbortSignal): Promise<Answer> {
    const { prompt, seed, maxTokens, withAdapter } = request;
    const model = this.dialect.model(withAdapter ? adapter.servedAs : undefined, await this.models(signal));
    const body = { ...model, prompt, seed, max_tokens: maxTokens };
    try {
      const { choices } = await this.client.post('/v1/completions', body, { schema: CompletionSchema, signal });
      return { text: choices[0]?.text ?? '', image: null };
    } catch (error) {
      throw this.explain(error, adapter);
    }
  }

  private async post(path: string, adapter: ServedAdapter, signal: AbortSignal): Promise<void> {
    try {
      await this.client.post(path, { lora_name: adapter.servedAs }, { schema: z.unknown(), signal });
    } catch (error) {
      throw this.explain(error, adapter);
    }
  }

  private async models(signal: AbortSignal): Promise<ServedModels> {
    try {
      return await listModels(this.client, signal);
    } catch (error) {
      throw error instanceof RuntimeRefusal ? this.client.unavailable(error.reason, error) : error;
    }
  }

  private explain(error: unknown, { name }: ServedAdapter): unknown {
    if (!(error instanceof RuntimeRefusal)) return error;
    // FastAPI's words for a route that there is not.
    if (error.status === 404 && error.reason === 'Not Found.')
      return this.client.unavailable(this.dialect.enable, error);
    return new AppError('adapter_refused', { runtime: this.name, name, reason: error.reason }, { cause: error });
  }
}
