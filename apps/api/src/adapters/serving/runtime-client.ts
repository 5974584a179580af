import { AppError } from '@influencerai/shared';
import { z } from 'zod';
import type { RuntimeAddress } from './runtime-address.js';

const MAX_REASON = 500;

/** What the runtimes call their reasons: vLLM, older vLLM and FastAPI, SGLang, llama.cpp. */
const RefusalSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ error_message: z.string() }).transform((body) => body.error_message),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);

/** An answer that is not 2xx. */
export class RuntimeRefusal extends Error {
  override readonly name = 'RuntimeRefusal';

  constructor(
    readonly status: number,
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** Speaks HTTP with one runtime. Its address comes from the settings alone, and it is not followed elsewhere. */
export class RuntimeClient {
  readonly name: string;

  constructor(private readonly address: RuntimeAddress) {
    this.name = address.name;
  }

  get baseModel(): string | undefined {
    return this.address.baseModel;
  }

  get<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return this.ask({ path, schema, signal });
  }

  post<T>(path: string, body: unknown, { schema, signal }: { schema: z.ZodType<T>; signal: AbortSignal }): Promise<T> {
    return this.ask({ path, body, schema, signal });
  }

  /** @throws AppError `runtime_unavailable` with this reason */
  unavailable(reason: string, cause?: unknown): AppError {
    return new AppError('runtime_unavailable', { runtime: this.name, reason: sentence(reason) }, { cause });
  }

  /**
   * @throws RuntimeRefusal for 4xx that speak of the request
   * @throws AppError `runtime_unavailable` for everything else that is not what was asked for
   */
  private async ask<T>({ path, body, schema, signal }: Question<T>): Promise<T> {
    const { status, text } = await this.fetch(path, body, signal);
    if (status >= 400 && status < 500 && status !== 401 && status !== 403)
      throw new RuntimeRefusal(status, reasonOf(text));
    if (status < 200 || status > 299) throw this.unavailable(`HTTP ${status}, ${reasonOf(text)}`);
    const parsed = schema.safeParse(parse(text));
    if (!parsed.success) throw this.unavailable('Its answer is not the documented one', parsed.error);
    return parsed.data;
  }

  private async fetch(path: string, body: unknown, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const { url, apiKey } = this.address;
    try {
      const response = await fetch(url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        redirect: 'error',
        signal,
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      throw this.unavailable(wordsFor(error), error);
    }
  }
}

interface Question<T> {
  path: string;
  body?: unknown;
  schema: z.ZodType<T>;
  signal: AbortSignal;
}

/** Addresses of the inside are no business of tenants. */
function wordsFor(error: unknown): string {
  const { name, cause } = error as Error & { cause?: { code?: string } };
  if (name === 'TimeoutError') return 'It took too long';
  if (name === 'AbortError') return 'The request was given up';
  return `It cannot be reached (${cause?.code ?? name})`;
}

function reasonOf(text: string): string {
  const parsed = RefusalSchema.safeParse(parse(text));
  return sentence(parsed.success ? parsed.data : text);
}

const sentence = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim().slice(0, MAX_REASON);
  return /[.!?]$/.test(line) ? line : `${line || 'no reason given'}.`;
};

/** JSON, or the text itself: vLLM reports success in plain words. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
