import { Redis } from 'ioredis';
import pg from 'pg';
import { REDIS_PREFIX } from './bullmq.js';
import type { QueueConnection } from './connection.js';

const emptyRedis = async (url: string): Promise<void> => {
  const client = new Redis(url);
  try {
    for await (const keys of client.scanStream({ match: `${REDIS_PREFIX}:*`, count: 1_000 })) {
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
    }
  } finally {
    client.disconnect();
  }
};

const emptyPostgres = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname = 'bullmq' and tablename <> 'migration'`,
    );
    if (rows.length > 0) await client.query(`truncate ${rows.map((row) => row.name).join(', ')} cascade`);
  } finally {
    await client.end();
  }
};

/** Throws away everything the store holds for this system: what a lost queue looks like. For tests and for operators. */
export const emptyQueue = (connection: QueueConnection): Promise<void> =>
  connection.backend === 'redis' ? emptyRedis(connection.url) : emptyPostgres(connection.url);
