import { once } from 'node:events';
import type { Server } from 'node:http';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

export interface ServerSentEvent {
  id?: string;
  event: string;
  data: unknown;
}

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;
/** Who reads nothing for so long holds a stream that others could use. */
const STALLED_MS = 60_000;

/**
 * Answers with a stream of server-sent events (WHATWG HTML, section 9.2), with a comment every 15 s so that proxies
 * keep it open. Ends with the generator, or ends the generator when the client goes. Events wait for a slow reader; one
 * that stops reading is dropped and may resume later.
 */
export function sendEvents(reply: FastifyReply, events: AsyncGenerator<ServerSentEvent>, ended: AbortController): void {
  const body = new PassThrough();
  const heartbeat = setInterval(() => body.writableNeedDrain || body.write(': still here\n\n'), HEARTBEAT_MS);
  body.write(`retry: ${RETRY_MS}\n\n`);
  reply.raw.once('close', () => ended.abort());
  track(reply.server.server, ended);
  // The client may have gone while the stream was being opened, too early for the listener.
  if (reply.raw.destroyed || reply.raw.closed) ended.abort();
  void pump(events, body, ended).finally(() => clearInterval(heartbeat));
  void reply
    .headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    .send(body);
}

/** The streams of each server, for as long as they are open. */
const open = new WeakMap<Server, Set<AbortController>>();

/** Ends all event streams of a server, which would keep it from closing for as long as their clients stay. */
export function endStreams(server: Server): void {
  for (const stream of open.get(server) ?? []) stream.abort();
}

function track(server: Server, stream: AbortController): void {
  const streams = open.get(server) ?? new Set();
  open.set(server, streams.add(stream));
  stream.signal.addEventListener('abort', () => streams.delete(stream), { once: true });
}

async function pump(events: AsyncGenerator<ServerSentEvent>, body: PassThrough, ended: AbortController): Promise<void> {
  try {
    for await (const event of events) {
      if (ended.signal.aborted) return;
      if (!body.write(encode(event))) await drained(body, ended.signal);
    }
  } catch (error) {
    body.destroy(error as Error);
  } finally {
    ended.abort();
    body.end();
  }
}

/** @throws Error when the client is gone or has read nothing for too long */
async function drained(body: PassThrough, signal: AbortSignal): Promise<void> {
  await once(body, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(STALLED_MS)]) });
}

const encode = ({ id, event, data }: ServerSentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
