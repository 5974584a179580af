import type { FastifyReply } from 'fastify';
import { type LiveFormat, sendLive } from './live-answer.js';

export interface ServerSentEvent {
  id?: string;
  event: string;
  data: unknown;
}

const RETRY_MS = 2_000;

/** WHATWG HTML, section 9.2. */
const EVENT_STREAM: LiveFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: `retry: ${RETRY_MS}\n\n`,
  heartbeat: ': still here\n\n',
};

/** Answers with a stream of server-sent events; a client that was dropped may resume later. */
export function sendEvents(reply: FastifyReply, events: AsyncGenerator<ServerSentEvent>, ended: AbortController): void {
  sendLive(reply, encoded(events), ended, EVENT_STREAM);
}

async function* encoded(events: AsyncGenerator<ServerSentEvent>): AsyncGenerator<string> {
  for await (const { id, event, data } of events) {
    yield `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  }
}
