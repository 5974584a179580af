import { access, constants, mkdir } from 'node:fs/promises';
import { checkQueue, queueConnection } from '@influencerai/queue';
import pg from 'pg';
import type { Config } from './env.js';
import type { S3Settings } from './storage/s3-client.js';
import { S3Storage } from './storage/s3.storage.js';
import { TenantRoots } from './storage/tenant-roots.js';

const OLDEST_POSTGRES = 14;

/**
 * Checks what the API stands on before it starts.
 * @throws Error with one line that says what is wrong and what to do.
 */
export async function prepare(config: Config): Promise<void> {
  await (config.storage.s3
    ? checkBucket(config.storage.s3, new TenantRoots(config))
    : prepareDataRoot(config.storage.dataRoot));
  await checkDatabase(config.database.url);
  await checkQueue(queueConnection({ redisUrl: config.redis.url, databaseUrl: config.database.url }));
}

async function prepareDataRoot(dataRoot: string): Promise<void> {
  try {
    await mkdir(dataRoot, { recursive: true });
    await access(dataRoot, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new Error(`The data folder ${dataRoot} cannot be written. Make it writable or set DATA_ROOT.`, {
      cause: error,
    });
  }
}

async function checkBucket(settings: S3Settings, roots: TenantRoots): Promise<void> {
  try {
    await new S3Storage(settings, roots).check();
  } catch (error) {
    const reason = (error as Error & { cause?: Error }).cause?.message ?? (error as Error).message;
    throw new Error(
      `The bucket ${settings.bucket} cannot be used (${reason}). Make it, or correct the settings S3_*.`,
      { cause: error },
    );
  }
}

async function checkDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  const where = `${new URL(url).host}${new URL(url).pathname}`;
  try {
    await client.connect();
  } catch (error) {
    throw new Error(
      `PostgreSQL at ${where} does not answer (${(error as Error).message}). Start it or correct DATABASE_URL.`,
      { cause: error },
    );
  }
  try {
    const version = await client.query<{ version: number }>(
      "select current_setting('server_version_num')::int / 10000 as version",
    );
    const major = version.rows[0]?.version ?? 0;
    if (major < OLDEST_POSTGRES)
      throw new Error(`PostgreSQL at ${where} is version ${major}; version ${OLDEST_POSTGRES} or newer is needed.`);
    const migrated = await client.query<{ found: boolean }>("select to_regclass('job') is not null as found");
    if (!migrated.rows[0]?.found)
      throw new Error(
        `The database at ${where} has no tables yet. Apply prisma/migrations first: prisma migrate deploy.`,
      );
  } finally {
    await client.end();
  }
}
