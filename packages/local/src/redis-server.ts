import { spawn } from 'node:child_process';
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { freePort } from './free-port.js';
import { isAlive } from './process-alive.js';
import { waitUntil } from './wait-until.js';

export interface RedisServer {
  url: string;
  port: number;
  pid: number;
  /** SIGKILL is as good as any: nothing is kept. */
  stop(): Promise<void>;
}

/** Path of the machine's `redis-server`, or undefined. npm has no package that carries one. */
export const findRedisProgram = async (): Promise<string | undefined> => {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'redis-server');
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
};

const answersPing = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('data', (data) => settle(data.toString().startsWith('+PONG')));
  });

const kill = async (pid: number): Promise<void> => {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGKILL');
  await waitUntil(() => !isAlive(pid), { timeoutMs: 5_000, what: `Redis (process ${pid}) to stop` });
};

/** Starts a private Redis that keeps nothing on disk. */
export const startRedis = async (options: {
  program: string;
  folder: string;
  port?: number;
  maxmemoryPolicy?: string;
}): Promise<RedisServer> => {
  await mkdir(options.folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', options.folder];
  const keep = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', options.maxmemoryPolicy ?? 'noeviction'];
  const pidFile = path.join(options.folder, 'redis.pid');
  const child = spawn(options.program, [...where, ...keep, '--pidfile', pidFile], { detached: true, stdio: 'ignore' });
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code) => (failure = `it ended with code ${code}`));
  child.unref();
  await waitUntil(async () => failure !== undefined || (await answersPing(port)), {
    timeoutMs: 10_000,
    what: `Redis on port ${port}`,
  });
  if (failure) throw new Error(`Redis does not start on port ${port}: ${failure}.`);
  const pid = child.pid as number;
  return { url: `redis://127.0.0.1:${port}`, port, pid, stop: () => kill(pid) };
};

/** Ends the Redis that a killed run left in a folder. */
export const stopRedis = async (folder: string): Promise<void> => {
  const text = await readFile(path.join(folder, 'redis.pid'), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  if (!pid || !isAlive(pid)) return;
  // The id may have gone to another program since.
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => 'redis-server');
  if (command.includes('redis-server')) await kill(pid);
};
