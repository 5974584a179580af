import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

export interface ServerSentEvent {
  id?: string;
  event: string;
  data: unknown;
}

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;

/**
 * Answers with a stream of server-sent events (WHATWG HTML, section 9.2), with a comment every 15 s so that proxies
 * keep it open. Ends with the generator, or ends the generator when the client goes.
 */
export function sendEvents(reply: FastifyReply, events: AsyncGenerator<ServerSentEvent>, ended: AbortController): void {
  const body = new Readable({ read() {} });
  const heartbeat = setInterval(() => body.push(': still here\n\n'), HEARTBEAT_MS);
  body.push(`retry: ${RETRY_MS}\n\n`);
  reply.raw.on('close', () => ended.abort());
  void pump(events, body, ended).finally(() => clearInterval(heartbeat));
  void reply
    .headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    .send(body);
}

async function pump(events: AsyncGenerator<ServerSentEvent>, body: Readable, ended: AbortController): Promise<void> {
  try {
    for await (const event of events) {
      if (ended.signal.aborted) return;
      body.push(encode(event));
    }
  } catch (error) {
    body.destroy(error as Error);
  } finally {
    ended.abort();
    body.push(null);
  }
}

const encode = ({ id, event, data }: ServerSentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
