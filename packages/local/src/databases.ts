import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The same server, another database. */
export const withDatabase = (url: string, database: string): string => {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
};

/** Lends a connection to `use`. */
export const withClient = async <T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
};

/** Creates the database if the server does not have it; returns its connection string. */
export const ensureDatabase = async (serverUrl: string, name: string): Promise<string> => {
  await withClient(serverUrl, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}`);
  });
  return withDatabase(serverUrl, name);
};

export interface ScratchDatabase extends AsyncDisposable {
  url: string;
  drop(): Promise<void>;
}

/** A database of a random name, empty or a copy of `template`. */
export const createScratchDatabase = async (serverUrl: string, template?: string): Promise<ScratchDatabase> => {
  const name = `scratch_${randomBytes(8).toString('hex')}`;
  // The file copy is quicker than the write-ahead log for small databases, above all without fsync.
  const copy = template ? ` template "${template}" strategy file_copy` : '';
  await withClient(serverUrl, (client) => client.query(`create database ${name}${copy}`));
  const drop = async () => {
    await withClient(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return { url: withDatabase(serverUrl, name), drop, [Symbol.asyncDispose]: drop };
};
