import { toConnectionError } from '../internal/attempt.js';
import { backoffMs, isTransient, retryAfterOf } from '../internal/retry-policy.js';
import { sleep, toTimerMs } from '../internal/sleep.js';
import { SseDecoder, type ResumePoint, type ServerSentEvent } from '../internal/sse-decoder.js';
import { AbortError } from './errors.js';
import type { Transport } from './request.js';
import type { RequestOptions } from './request-options.js';

/** Options of the methods that follow a stream of events. */
export interface StreamOptions extends RequestOptions {
  /** Resume after this event. */
  lastEventId?: string;
  /** A connection that is silent for so long is taken for dead and opened anew. Default: 45 s. */
  idleTimeoutMs?: number;
}

export interface EventSourceParams {
  transport: Transport;
  path: string;
  options: StreamOptions;
  /** Asked after a connection that ended without any event: whether no more will come. */
  isOver?: () => Promise<boolean>;
}

const DEFAULT_IDLE_TIMEOUT_MS = 45_000;

/**
 * Yields events and opens the stream anew, after the last one seen, whenever it breaks. It ends when the server answers
 * 204 or `isOver` says so; it throws on refusals that stay (a 404, say), on abort, and after `maxRetries` failures in
 * a row where that option is given.
 */
export async function* followEvents(params: EventSourceParams): AsyncGenerator<ServerSentEvent, void, undefined> {
  const { signal, maxRetries = Infinity, lastEventId } = params.options;
  const resumePoint: ResumePoint = { lastEventId, retryMs: undefined };
  for (let failures = 0; ;) {
    let waitMs: number | undefined;
    let isEmpty = true;
    try {
      const body = await open(params, resumePoint);
      if (!body) return;
      for await (const event of readEvents(body, resumePoint, params)) {
        isEmpty = false;
        failures = 0;
        yield event;
      }
      if (isEmpty && (await params.isOver?.())) return;
    } catch (error) {
      if (signal?.aborted) throw new AbortError(signal);
      if (!isTransient(error) || failures >= maxRetries) throw error;
      waitMs = retryAfterOf(error);
    }
    await sleep(waitMs ?? backoffMs(failures, resumePoint.retryMs), signal);
    failures++;
  }
}

async function open(
  { transport, path, options }: EventSourceParams,
  { lastEventId }: ResumePoint,
): Promise<Response['body']> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastEventId) headers['last-event-id'] = lastEventId;
  const response = await transport.raw({ method: 'GET', path, headers, options: { ...options, maxRetries: 0 } });
  return response.status === 204 ? null : response.body;
}

async function* readEvents(
  body: ReadableStream<Uint8Array>,
  resumePoint: ResumePoint,
  { transport, path, options: { idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } }: EventSourceParams,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new SseDecoder(resumePoint);
  const text = new TextDecoder();
  const fail = (error: unknown): never => {
    throw toConnectionError(error, transport.config.baseUrl + path);
  };
  try {
    for (;;) {
      const idle = setTimeout(() => void reader.cancel(), toTimerMs(idleTimeoutMs));
      const { done, value } = await reader
        .read()
        .catch(fail)
        .finally(() => clearTimeout(idle));
      if (done) return;
      yield* decoder.push(text.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
