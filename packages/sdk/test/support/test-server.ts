import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InfluencerAIClient, type ClientOptions } from '../../src/index.js';

/** A request as it arrived. */
export interface Received {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: string;
  /** How many requests came before it. */
  index: number;
}

export type Handler = (request: Received, response: ServerResponse) => unknown;

export interface TestServer extends AsyncDisposable {
  baseUrl: string;
  received: Received[];
  client(options?: ClientOptions): InfluencerAIClient;
}

/**
 * A real HTTP server on a free port. What the handler returns is sent as JSON, unless it answered by itself. Used as
 * HTTP proxy, it answers in place of any host.
 */
export async function startServer(handler: Handler): Promise<TestServer> {
  const received: Received[] = [];
  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await receive(message, received.length);
    received.push(request);
    const body = await handler(request, response);
    if (body !== undefined && !response.headersSent && !response.destroyed) sendJson(response, 200, body);
  };
  const server = createServer((message, response) => void answer(message, response));
  server.on('connect', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    server.emit('connection', socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl,
    received,
    client: (options) => new InfluencerAIClient({ baseUrl, tenantId: 'tenant_demo', ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Sends events as they are and leaves the connection open. */
export function sendEvents(response: ServerResponse, text: string): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(text);
}

async function receive(message: IncomingMessage, index: number): Promise<Received> {
  const url = new URL(message.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return {
    method: message.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: message.headers,
    body: Buffer.concat(chunks).toString(),
    index,
  };
}
