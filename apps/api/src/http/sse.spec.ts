import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type FastifyInstance, type RouteHandlerMethod, fastify } from 'fastify';
import { sendEvents } from './sse.js';

let server: FastifyInstance;
let ended: AbortController;
let produced: number;
beforeEach(() => {
  produced = 0;
  server = fastify({ forceCloseConnections: true });
  ended = new AbortController();
});
afterEach(() => server.close());

async function open(handler: RouteHandlerMethod): Promise<Socket> {
  server.get('/', handler);
  await server.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  return socket;
}

describe('sendEvents', () => {
  it('should notice a client that left before the stream began', async () => {
    const left = Promise.withResolvers<boolean>();
    const socket = await open(async (request, reply) => {
      socket.destroy();
      await once(request.raw.socket, 'close');
      sendEvents(reply, count(), ended);
      left.resolve(ended.signal.aborted);
      return reply;
    });
    expect(await left.promise).toBe(true);
    expect(produced).toBeLessThan(2);
  });

  it('should ask now and then whether a silent client is still there', async () => {
    const asked = Promise.withResolvers<unknown[]>();
    const socket = await open((request, reply) => {
      const keepAlive = jest.spyOn(request.raw.socket, 'setKeepAlive');
      sendEvents(reply, count(), ended);
      asked.resolve(keepAlive.mock.calls);
    });
    expect(await asked.promise).toEqual([[true, 30_000]]);
    socket.destroy();
    await once(ended.signal, 'abort');
  });

  it('should wait for a client that does not read, and go on when it does', async () => {
    const socket = await open((_request, reply) => sendEvents(reply, count(), ended));
    const before = await settled();
    socket.resume();
    while (produced === before) await sleep(10);
    socket.destroy();
    await once(ended.signal, 'abort');
  });

  /** What had been produced once nothing more was for a while. */
  async function settled(): Promise<number> {
    for (;;) {
      const before = produced;
      await sleep(300);
      if (before > 0 && produced === before) return before;
    }
  }

  async function* count() {
    for (; ; produced++) {
      await nextTurn();
      yield { event: 'count', data: 'x'.repeat(100_000) };
    }
  }
});
