import type { Socket } from 'node:net';
import { AppError } from '@influencerai/shared';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.filter.js';

/** A body must bring so much on average, and a reader of an answer must take something at all. */
const LEAST_BYTES_PER_SECOND = 1024;

interface Watch {
  /** The last request of the connection; Node reads no further one before it is answered. */
  exchange?: { request: FastifyRequest; reply: FastifyReply };
  /** What had been read and written when the present period began. */
  mark: { at: number; read: number; written: number };
}

/**
 * Cuts off clients that hold a connection without using it: a body that trickles in gets 408, an answer that nobody reads
 * ends. Requests themselves have no time limit, so that large uploads, long inspections and event streams go on for as
 * long as they move. One sweep over all connections costs a request next to nothing, unlike a timer for each of them.
 */
export function cutOffSlowClients(server: FastifyInstance, { patienceMs }: { patienceMs: number }): void {
  const watches = new Map<Socket, Watch>();
  const watch = (socket: Socket): void => {
    watches.set(socket, { mark: markOf(socket) });
    socket.once('close', () => watches.delete(socket));
  };
  const sweep = (): void => {
    const now = Date.now();
    for (const [socket, entry] of watches) {
      if (now - entry.mark.at >= patienceMs) judge(socket, entry, now);
    }
  };
  // After what has arrived was read: it may be this process that was held up, not the clients.
  const timer = setInterval(() => setImmediate(sweep), patienceMs / 4).unref();
  server.server.on('connection', watch);
  server.addHook('onRequest', (request, reply, done) => {
    const entry = watches.get(request.raw.socket);
    if (entry) Object.assign(entry, { exchange: { request, reply }, mark: markOf(request.raw.socket) });
    done();
  });
  server.addHook('onClose', (_, done) => {
    clearInterval(timer);
    done();
  });
}

function judge(socket: Socket, watch: Watch, now: number): void {
  const { mark, exchange } = watch;
  const next = markOf(socket, now);
  const leastBytes = (LEAST_BYTES_PER_SECOND * (now - mark.at)) / 1000;
  watch.mark = next;
  if (isUnread(socket) && next.written === mark.written) return void socket.destroy();
  if (exchange && isAwaited(exchange.request) && next.read - mark.read < leastBytes) refuse(socket, exchange);
}

/** More of the body is to come, and all that came has been taken: it is the client who is slow, not the disk. */
const isAwaited = ({ raw }: FastifyRequest): boolean =>
  !raw.complete && !raw.destroyed && raw.readableLength === 0 && !isHeldBack(raw);

/** A stream that is read piece by piece, on `readable`, calls itself paused although it waits for more. */
const isHeldBack = (raw: FastifyRequest['raw']): boolean => raw.isPaused() && raw.listenerCount('readable') === 0;

/** Something was written that the client has not taken. */
const isUnread = (socket: Socket): boolean => socket.writableLength > 0;

function refuse(socket: Socket, { request, reply }: NonNullable<Watch['exchange']>): void {
  // Where an answer has begun already, as with an upload that is refused early, there is nothing left to say.
  if (reply.sent) return void socket.destroy();
  void reply.header('connection', 'close');
  reply.raw.once('finish', () => socket.destroySoon());
  // Node forgets a request once it is answered: whoever still waits for its body would wait for ever.
  socket.once('close', () => request.raw.destroy());
  sendProblem(new AppError('request_timed_out'), request, reply);
}

const markOf = (socket: Socket, at = Date.now()): Watch['mark'] => ({
  at,
  read: socket.bytesRead,
  // What waits in the socket's own buffer is counted as written by Node.
  written: socket.bytesWritten - socket.writableLength,
});
