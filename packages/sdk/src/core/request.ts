import { runAttempt } from '../internal/attempt.js';
import { toQueryString, type QueryValue } from '../internal/query.js';
import { readApiError } from '../internal/read-api-error.js';
import { retryDelayMs } from '../internal/retry-policy.js';
import { sleep } from '../internal/sleep.js';
import { toUploadInit, type UploadInit } from '../internal/upload-body.js';
import { APIPromise, type WithResponse } from './api-promise.js';
import { InvalidResponseError } from './errors.js';
import type { Fetch, RequestOptions, UploadBody } from './request-options.js';

/** Where and how a client sends its requests. */
export interface TransportConfig {
  baseUrl: string;
  apiKey: string | undefined;
  tenantId: string | undefined;
  fetch: Fetch;
  timeoutMs: number;
  maxRetries: number;
  headers: Record<string, string>;
}

export interface ApiRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  upload?: UploadBody;
  /** Sent as a form. */
  form?: FormData;
  headers?: Record<string, string>;
  /** Creates something: gets an idempotency key, which makes it repeatable. */
  isCreation?: boolean;
  /** A POST that has the same effect however often it arrives. */
  isRepeatable?: boolean;
  options?: RequestOptions;
}

type Consume<T> = (response: Response) => Promise<T>;

/** Sends requests, tries again where that is safe, and turns answers into values or errors. */
export class Transport {
  constructor(readonly config: TransportConfig) {}

  json<T>(request: ApiRequest): APIPromise<T> {
    return new APIPromise(this.send<T>(request, readJson));
  }

  /** Resolves with the headers; the body is left to the caller and has no time limit. */
  raw(request: ApiRequest): Promise<Response> {
    return this.send(request, (response) => Promise.resolve(response)).then(({ response }) => response);
  }

  async send<T>(request: ApiRequest, consume: Consume<T>): Promise<WithResponse<T>> {
    const { options = {} } = request;
    const upload = request.upload && toUploadInit(request.upload);
    const headers = this.headersOf(request);
    const isRepeatable = request.method !== 'POST' || headers.has('idempotency-key') || request.isRepeatable === true;
    const maxRetries = upload?.isReplayable === false ? 0 : (options.maxRetries ?? this.config.maxRetries);
    const patience = { maxRetries, isRepeatable, signal: options.signal };
    return persist(patience, () => this.attempt({ request, headers, upload }, consume));
  }

  /** Sends bytes to an address that carries its own permission, on whatever server: nothing else of ours goes along. */
  async put(address: string, body: Blob, options: RequestOptions = {}): Promise<void> {
    const { signal, timeoutMs = this.config.timeoutMs, maxRetries = this.config.maxRetries } = options;
    // Errors name the address, and who reads them must not be able to use it.
    const limits = { url: address.split('?', 1)[0] ?? '', timeoutMs, signal };
    await persist({ maxRetries, isRepeatable: true, signal }, () =>
      runAttempt(limits, async (limit) => {
        const response = await this.config.fetch(address, { method: 'PUT', body, signal: limit });
        if (!response.ok) throw await readApiError(response);
        await response.body?.cancel();
      }),
    );
  }

  private attempt<T>({ request, headers, upload }: Prepared, consume: Consume<T>): Promise<WithResponse<T>> {
    const url = this.config.baseUrl + request.path + toQueryString(request.query);
    const { signal: callerSignal, timeoutMs = this.config.timeoutMs } = request.options ?? {};
    return runAttempt({ url, timeoutMs, signal: callerSignal }, async (signal) => {
      const init = {
        method: request.method,
        headers,
        signal,
        body: request.form ?? upload?.body ?? toJsonText(request.body),
      };
      const response = await this.config.fetch(url, upload?.duplex ? withDuplex(init, upload.duplex) : init);
      if (!response.ok) throw await readApiError(response);
      const requestId = response.headers.get('x-request-id') ?? undefined;
      return { data: await consume(response), response, requestId };
    });
  }

  private headersOf({ body, upload, headers, isCreation, options = {} }: ApiRequest): Headers {
    const result = new Headers({ accept: 'application/json', ...headers });
    if (body !== undefined) result.set('content-type', 'application/json');
    if (upload && !result.has('content-type')) result.set('content-type', 'application/octet-stream');
    if (this.config.apiKey !== undefined) result.set('authorization', `Bearer ${this.config.apiKey}`);
    const tenantId = options.tenantId ?? this.config.tenantId;
    if (tenantId !== undefined) result.set('x-tenant-id', tenantId);
    const key = options.idempotencyKey ?? (isCreation ? newIdempotencyKey() : undefined);
    if (key !== undefined) result.set('idempotency-key', key);
    for (const [name, value] of Object.entries({ ...this.config.headers, ...options.headers })) result.set(name, value);
    return result;
  }
}

interface Patience {
  maxRetries: number;
  isRepeatable: boolean;
  signal: AbortSignal | undefined;
}

/** Tries again after failures that may pass. */
async function persist<T>({ maxRetries, isRepeatable, signal }: Patience, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const delayMs = attempt < maxRetries ? retryDelayMs(error, { attempt, isRepeatable }) : undefined;
      if (delayMs === undefined) throw error;
      await sleep(delayMs, signal);
    }
  }
}

interface Prepared {
  request: ApiRequest;
  headers: Headers;
  upload: UploadInit | undefined;
}

const withDuplex = (init: RequestInit, duplex: 'half'): RequestInit => Object.assign(init, { duplex });

const toJsonText = (body: unknown): string | undefined => (body === undefined ? undefined : JSON.stringify(body));

/** `randomUUID` is missing on pages that were loaded over plain http; this is not. */
function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `sdk-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

async function readJson<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const type = response.headers.get('content-type') ?? 'no content type';
    throw new InvalidResponseError(
      `${response.url} answered ${response.status} with ${type} in place of JSON. Is the baseUrl right?`,
      { cause },
    );
  }
}
