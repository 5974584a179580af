import { once } from 'node:events';
import type { Server } from 'node:http';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** What is said around the parts of a live answer. */
export interface LiveFormat {
  contentType: string;
  /** Sent at once, so that the client sees the stream open. */
  opening?: string;
  /** Means nothing to the client, and keeps proxies from closing a stream in which nothing happens. */
  heartbeat?: string;
}

const HEARTBEAT_MS = 15_000;
/** Who reads nothing for so long holds a stream that others could use. */
const STALLED_MS = 60_000;

/** A client that vanished without a word is asked for so late: nothing may be sent for hours that would show it. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Answers with parts of text as they come. Ends with the generator, or ends the generator when the client goes. Parts wait
 * for a slow reader; one that stops reading is dropped.
 */
export function sendLive(
  reply: FastifyReply,
  parts: AsyncGenerator<string>,
  ended: AbortController,
  { contentType, opening, heartbeat }: LiveFormat,
): void {
  const body = new PassThrough();
  const beat =
    heartbeat === undefined
      ? undefined
      : setInterval(() => body.writableNeedDrain || body.write(heartbeat), HEARTBEAT_MS);
  if (opening !== undefined) body.write(opening);
  reply.raw.socket?.setKeepAlive(true, KEEP_ALIVE_MS);
  reply.raw.once('close', () => ended.abort());
  track(reply.server.server, ended);
  // The client may have gone while the stream was being opened, too early for the listener.
  if (reply.raw.destroyed || reply.raw.closed) ended.abort();
  // Headers would wait for the first part, which may be long in coming. Only now are they all set.
  reply.raw.once('pipe', () => reply.raw.flushHeaders());
  void pump(parts, body, ended).finally(() => clearInterval(beat));
  void reply
    .headers({
      'content-type': contentType,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    .send(body);
}

/** The live answers of each server, for as long as they are open. */
const open = new WeakMap<Server, Set<AbortController>>();

/** Ends all live answers of a server, which would keep it from closing for as long as their clients stay. */
export function endStreams(server: Server): void {
  for (const stream of open.get(server) ?? []) stream.abort();
}

function track(server: Server, stream: AbortController): void {
  const streams = open.get(server) ?? new Set();
  open.set(server, streams.add(stream));
  stream.signal.addEventListener('abort', () => streams.delete(stream), { once: true });
}

async function pump(parts: AsyncGenerator<string>, body: PassThrough, ended: AbortController): Promise<void> {
  try {
    for await (const part of parts) {
      if (ended.signal.aborted) return;
      if (!body.write(part)) await drained(body, ended.signal);
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
