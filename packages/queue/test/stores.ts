import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findRedisProgram, startPostgres, startRedis, type RedisServer } from '@influencerai/local';
import type { QueueConnection } from '../src/index.js';

/** A store of its own for one test file, which may be killed. */
export interface KillableStore {
  connection: QueueConnection;
  /** SIGKILL; what was in memory is gone. */
  kill(): Promise<void>;
  /** At the same address. */
  startAgain(): Promise<void>;
  remove(): Promise<void>;
}

const redisProgram = await findRedisProgram();

const killableRedis = async (folder: string): Promise<KillableStore> => {
  const program = redisProgram as string;
  let server: RedisServer = await startRedis({ program, folder });
  return {
    connection: { backend: 'redis', url: server.url },
    kill: () => server.stop(),
    startAgain: async () => {
      server = await startRedis({ program, folder, port: server.port });
    },
    remove: () => server.stop(),
  };
};

/** One that has ended by itself meanwhile is as good as killed. */
const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const killablePostgres = async (folder: string): Promise<KillableStore> => {
  let server = await startPostgres({ folder, durability: 'none' });
  const { port } = server;
  return {
    connection: { backend: 'postgres', url: server.url },
    kill: async () => {
      // With its children: a connection's own process would finish what it is at.
      const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=']);
      const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
      const children = rows.filter(([, parent]) => parent === server.pid).map(([pid]) => pid as number);
      // The server last: its children go with it.
      for (const pid of [...children, server.pid]) kill(pid);
    },
    startAgain: async () => {
      server = await startPostgres({ folder, port, durability: 'none' });
    },
    remove: () => server.stop(),
  };
};

/** The backends that this machine can run. */
export const BACKENDS: QueueConnection['backend'][] = redisProgram ? ['postgres', 'redis'] : ['postgres'];
if (!redisProgram) console.warn('No redis-server on this machine: the queue is tested on PostgreSQL only.');

export const openStore = async (backend: QueueConnection['backend']): Promise<KillableStore> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'queue-test-'));
  const store = backend === 'redis' ? await killableRedis(folder) : await killablePostgres(folder);
  const remove = async () => {
    await store.remove();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...store, remove };
};
