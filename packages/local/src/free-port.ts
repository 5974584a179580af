import { createServer, type AddressInfo } from 'node:net';

const tryListen = (port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });

/** A port that was free a moment ago; whoever binds it must be ready to lose the race and ask again. */
export const freePort = (host = '127.0.0.1'): Promise<number> => tryListen(0, host);

export const isPortFree = async (port: number, host = '127.0.0.1'): Promise<boolean> => {
  try {
    await tryListen(port, host);
    return true;
  } catch {
    return false;
  }
};
