import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  socket: Socket;
  /** Everything that came until the server closed the connection. */
  ended: Promise<string>;
}

/** A bare connection, for what no HTTP client would send. */
export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  // A reset is an end, too.
  const ended = new Promise<string>((resolve) =>
    socket.on('error', () => undefined).once('close', () => resolve(text)),
  );
  return { socket, ended };
}

/** Sends bytes as they are; the request must make the server close the connection. */
export async function sendRaw(url: string, request: string): Promise<string> {
  const { socket, ended } = await openRaw(url);
  socket.write(Buffer.from(request, 'latin1'));
  return ended;
}
