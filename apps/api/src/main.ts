import { Logger } from 'nestjs-pino';
import { createApp } from './create-app.js';
import { type Config, readConfig } from './env.js';
import { prepare } from './prepare.js';

async function main(): Promise<void> {
  const config = readConfig();
  await prepare(config);
  const app = await createApp(config);
  await app.listen({ host: config.http.host, port: config.http.port }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? portTaken(config) : error;
  });
  if (config.auth.mode === 'tenant-header')
    app
      .get(Logger)
      .warn('DEVELOPMENT MODE: whoever reaches this port is believed to be any tenant it names. Set AUTH_MODE=token.');
}

const portTaken = ({ http }: Config): Error =>
  new Error(
    `Port ${http.port} on ${http.host} is taken. Stop the other program or choose another port: PORT=${http.port + 1}.`,
  );

main().catch((error: Error) => {
  process.stderr.write(`api: ${error.message}\n`);
  process.exitCode = 1;
  // A half-started module may hold sockets open; there is nothing to finish.
  setImmediate(() => process.exit());
});
