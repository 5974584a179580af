import type { FastifyInstance } from 'fastify';
import { endStreams } from './live-answer.js';

/**
 * Ends live answers when the server closes, and connections whose last answer went out while the server was closing. Node
 * ends those that are idle when the closing begins; one that was busy then would be kept for the whole keep-alive time, and
 * with it the process.
 */
export function endConnectionsWhenClosing(instance: FastifyInstance): void {
  let isClosing = false;
  instance.addHook('preClose', (done) => {
    isClosing = true;
    endStreams(instance.server);
    done();
  });
  instance.addHook('onResponse', (_request, _reply, done) => {
    // The connection only counts as idle once Node has finished with the answer.
    if (isClosing) setImmediate(() => instance.server.closeIdleConnections());
    done();
  });
}
