import { Redis } from 'ioredis';
import pg from 'pg';
import { nameStore, type QueueConnection } from './connection.js';
import { withTimeLimit } from './time-limit.js';

/** The store of the queue cannot be used; the message is one line that says what to do. */
export class QueueUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'QueueUnavailableError';
  }
}

const ANSWER_TIMEOUT_MS = 3_000;
const OLDEST_REDIS = [6, 2];

const ADVICE = {
  redis: 'start it, correct REDIS_URL, or unset REDIS_URL to keep the queue in PostgreSQL.',
  postgres: 'start it or correct its connection string.',
};

const readField = (info: string, field: string): string | undefined =>
  new RegExp(`^${field}:(.*)$`, 'm').exec(info)?.[1]?.trim();

const askRedis = async (url: string): Promise<string> => {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: ANSWER_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
    // That check is a command without a time limit.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason: Error | undefined;
  client.on('error', (error: Error) => (reason = error));
  try {
    await client.connect();
    return await client.info();
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
};

const askPostgres = async (url: string): Promise<void> => {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    void client.end().catch(() => undefined);
  }
};

const refuse = (connection: QueueConnection, problem: string, cause?: unknown): never => {
  throw new QueueUnavailableError(`${nameStore(connection)} ${problem}`, { cause });
};

const isOlder = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = OLDEST_REDIS;
  return major < needMajor || (major === needMajor && minor < needMinor);
};

/**
 * Makes sure that the store answers within three seconds and keeps what it is given: a Redis that evicts loses messages
 * without a word.
 *
 * @throws QueueUnavailableError with one line that says what to do
 */
export const checkQueue = async (connection: QueueConnection): Promise<void> => {
  const ask = connection.backend === 'redis' ? askRedis(connection.url) : askPostgres(connection.url).then(() => '');
  let info: string;
  try {
    info = await withTimeLimit(ask, ANSWER_TIMEOUT_MS, `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return refuse(connection, `does not answer (${code ?? message}): ${ADVICE[connection.backend]}`, error);
  }
  if (connection.backend === 'postgres') return;

  const version = readField(info, 'redis_version');
  if (version && isOlder(version))
    refuse(connection, `is version ${version}: ${OLDEST_REDIS.join('.')} or newer is needed.`);
  const policy = readField(info, 'maxmemory_policy');
  if (policy && policy !== 'noeviction') {
    refuse(connection, `may evict messages (maxmemory-policy is ${policy}): set maxmemory-policy to noeviction.`);
  }
};
