import { createPostgresBackend, Queue, Worker, withBackend, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueConnection } from './connection.js';

/** Part of every key in Redis; in PostgreSQL BullMQ has the schema `bullmq` to itself. */
export const REDIS_PREFIX = 'influencerai';

const LOCK_MS = 30_000;
const RETRY_MS = 500;

const postgres = withBackend(createPostgresBackend);

/** What this package needs of BullMQ's queue, the same on both backends. */
export interface QueueHandle {
  add(name: string, data: unknown, options: object): Promise<unknown>;
  getWaitingCount(): Promise<number>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What this package needs of BullMQ's worker. */
export interface WorkerHandle {
  waitUntilReady(): Promise<unknown>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(force?: boolean): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const retryStrategy = (times: number): number => Math.min(times * 100, 1_000);

const postgresOptions = (url: string, maxConnections: number) => ({
  connectionString: url,
  migrate: true,
  max: maxConnections,
  connectionTimeoutMillis: 3_000,
  // The pool does not clear its idle timers when it ends, and they would keep the process alive.
  idleTimeoutMillis: 0,
  keepAlive: true,
});

/** Nobody reads BullMQ's event stream here. */
const streams = { events: { maxLen: 100 } };

const createRedisQueue = (url: string, name: string): QueueHandle => {
  const client = new Redis(url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    connectTimeout: 3_000,
    commandTimeout: 5_000,
    retryStrategy,
  });
  client.on('error', () => undefined);
  const queue = new Queue(name, { connection: client, prefix: REDIS_PREFIX, streams });
  // BullMQ's own close waits for a connection that may never come back.
  const close = async () => {
    client.disconnect();
    await queue.close();
  };
  return {
    add: (task, data, options) => queue.add(task, data, options),
    getWaitingCount: () => queue.getWaitingCount(),
    waitUntilReady: () => queue.waitUntilReady(),
    on: (event, listener) => queue.on(event, listener),
    close,
  };
};

/** Opens a queue to add to. With Redis away it refuses at once rather than keeping messages in memory. */
export const createQueue = (connection: QueueConnection, name: string): QueueHandle => {
  if (connection.backend === 'redis') return createRedisQueue(connection.url, name);
  const options = { ...postgresOptions(connection.url, 2), query_timeout: 5_000 };
  return new postgres.Queue(name, { connection: options, streams });
};

/** Opens a consumer. Redis commands wait for the connection to come back. */
export const createWorker = (
  connection: QueueConnection,
  { name, handle }: { name: string; handle(job: Job): Promise<void> },
): WorkerHandle => {
  const options = {
    concurrency: 4,
    lockDuration: LOCK_MS,
    runRetryDelay: RETRY_MS,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  };
  if (connection.backend === 'postgres') {
    return new postgres.Worker(name, handle, { ...options, connection: postgresOptions(connection.url, 3) });
  }
  const redis = { url: connection.url, maxRetriesPerRequest: null, retryStrategy };
  return new Worker(name, handle, { ...options, connection: redis, prefix: REDIS_PREFIX });
};
