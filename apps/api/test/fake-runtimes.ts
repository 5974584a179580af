import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

/** A request as the server got it. */
export interface Call {
  route: string;
  body: unknown;
  authorization: string | undefined;
}

interface Reply {
  status?: number;
  body: unknown;
}

/**
 * A server that answers over HTTP what the documents and sources of a serving runtime say that it answers. It stands for
 * programs that need a GPU and gigabytes of weights; what it cannot show is whether those do as they say.
 */
abstract class FakeRuntime implements AsyncDisposable {
  readonly calls: Call[] = [];
  /** Answers the next requests for a route in place of the runtime. */
  readonly instead = new Map<string, () => Reply | Promise<Reply>>();
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  callsOf(route: string): Call[] {
    return this.calls.filter((call) => call.route === route);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }

  protected abstract answer(route: string, body: unknown): Reply;

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    const body = request.method === 'POST' ? await json(request) : undefined;
    this.calls.push({ route, body, authorization: request.headers.authorization });
    const reply = await (this.instead.get(route) ?? (() => this.answer(route, body)))();
    const isText = typeof reply.body === 'string';
    response.writeHead(reply.status ?? 200, { 'content-type': isText ? 'text/plain' : 'application/json' });
    response.end(isText ? reply.body : JSON.stringify(reply.body));
  }
}

interface PeftRequest {
  lora_name: string;
  lora_path: string;
}

const hasPeftFiles = (folder: string): boolean =>
  ['adapter_config.json', 'adapter_model.safetensors'].every((name) => existsSync(join(folder, name)));

/** docs.vllm.ai/en/stable/features/lora.html; `vllm/entrypoints/openai/models/serving.py` for the errors. */
export class FakeVllm extends FakeRuntime {
  readonly loras = new Map<string, string>();

  constructor(private readonly base: string) {
    super();
  }

  protected answer(route: string, body: unknown): Reply {
    const { lora_name: name, lora_path: path } = (body ?? {}) as PeftRequest;
    switch (route) {
      case 'GET /v1/models':
        return { body: { object: 'list', data: [this.card(this.base, '/models/base', null), ...this.cards()] } };
      case 'POST /v1/load_lora_adapter':
        if (this.loras.has(name)) return refusal(400, `The lora adapter '${name}' has already been loaded.`);
        if (!hasPeftFiles(path)) return refusal(404, `No adapter found for ${path}`);
        this.loras.set(name, path);
        return { body: `Success: LoRA adapter '${name}' added successfully.` };
      case 'POST /v1/unload_lora_adapter':
        if (!this.loras.delete(name)) return refusal(404, `The lora adapter '${name}' cannot be found.`);
        return { body: `Success: LoRA adapter '${name}' removed successfully.` };
      case 'POST /v1/completions':
        return { body: { choices: [{ index: 0, text: ` said by ${(body as { model: string }).model}` }] } };
      default:
        return { status: 404, body: { detail: 'Not Found' } };
    }
  }

  private cards() {
    return [...this.loras].map(([name, path]) => this.card(name, path, this.base));
  }

  private card(id: string, root: string, parent: string | null) {
    return { id, object: 'model', root, parent, permission: [] };
  }
}

const refusal = (status: number, message: string): Reply => ({
  status,
  body: { error: { message, type: 'BadRequestError', param: null, code: status } },
});

/** docs.sglang.io/advanced_features/lora.html; `LoRAUpdateOutput` in `managers/io_struct.py`. */
export class FakeSglang extends FakeRuntime {
  readonly loras = new Map<string, string>();

  constructor(private readonly base: string) {
    super();
  }

  protected answer(route: string, body: unknown): Reply {
    const { lora_name: name, lora_path: path } = (body ?? {}) as PeftRequest;
    switch (route) {
      case 'GET /v1/models':
        return { body: { object: 'list', data: [{ id: this.base, root: this.base }, ...this.cards()] } };
      case 'POST /load_lora_adapter':
        if (this.loras.has(name)) return this.failure(`LoRA adapter ${name} is already loaded.`);
        if (!hasPeftFiles(path)) return this.failure(`Failed to load LoRA adapter ${name}: no such file`);
        this.loras.set(name, path);
        return this.success();
      case 'POST /unload_lora_adapter':
        return this.loras.delete(name) ? this.success() : this.failure(`LoRA adapter ${name} is not loaded.`);
      case 'POST /v1/completions':
        return { body: { choices: [{ index: 0, text: ` said by ${(body as { lora_path?: string }).lora_path}` }] } };
      default:
        return { status: 404, body: { detail: 'Not Found' } };
    }
  }

  private cards() {
    return [...this.loras].map(([id, root]) => ({ id, root, parent: this.base }));
  }

  private success(): Reply {
    return { body: { success: true, error_message: '', loaded_adapters: Object.fromEntries(this.loras) } };
  }

  private failure(reason: string): Reply {
    return { status: 400, body: { success: false, error_message: reason, loaded_adapters: {} } };
  }
}

/** github.com/ggml-org/llama.cpp: tools/server/README.md, "/lora-adapters". */
export class FakeLlamaCpp extends FakeRuntime {
  readonly scales: number[];

  constructor(private readonly paths: readonly string[]) {
    super();
    this.scales = paths.map(() => 0);
  }

  protected answer(route: string, body: unknown): Reply {
    switch (route) {
      case 'GET /lora-adapters':
        return { body: this.paths.map((path, id) => ({ id, path, scale: this.scales[id] })) };
      case 'POST /lora-adapters':
        this.scales.fill(0);
        for (const { id, scale } of body as { id: number; scale: number }[]) this.scales[id] = scale;
        return { body: { success: true } };
      case 'POST /completion':
        return { body: { content: ` said with ${JSON.stringify((body as { lora: unknown }).lora)}`, stop: true } };
      default:
        return { status: 404, body: { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } } };
    }
  }
}
