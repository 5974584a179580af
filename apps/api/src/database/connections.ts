import pg from 'pg';
import { hasCode } from '../http/error-code.js';

/** PostgreSQL `timestamptz` and `bigint` come as `Date` and `number`; ids of events stay below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** One query of the prepared kind; `name` lets PostgreSQL keep its plan. */
export interface PreparedQuery {
  name: string;
  text: string;
}

export interface ConnectionOptions {
  url: string;
  poolSize: number;
  /** Role that the connections take after they have logged in. */
  role?: string;
}

/** How node-postgres is told, by our own pools and by Prisma's. */
export const toPoolConfig = ({ url, poolSize, role }: ConnectionOptions): pg.PoolConfig => ({
  connectionString: role === undefined ? url : withRole(url, role),
  max: poolSize,
  connectionTimeoutMillis: 5_000,
});

/** What stands in the address wins over all else that node-postgres is told, so the role has to stand there. */
function withRole(url: string, role: string): string {
  const address = new URL(url);
  const options = address.searchParams.get('options') ?? '';
  address.searchParams.set('options', `${options} -c role=${role}`.trim());
  return address.href;
}

export function openPool(options: ConnectionOptions): pg.Pool {
  const pool = new pg.Pool({ ...toPoolConfig(options), keepAlive: true, types });
  // An idle connection that breaks (the server restarted) is replaced by the pool; without a listener Node would exit.
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Runs `work` between `begin` and the end of a transaction on one connection; rolls back when it throws. Work that
 * PostgreSQL chose as the victim of a deadlock runs again, so it must have no effect outside the transaction.
 * @param begin the statement that opens the transaction, and what must hold in it
 */
export function transact<T>(pool: pg.Pool, begin: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return onceMore(() => tryTransaction(pool, begin, work));
}

async function tryTransaction<T>(
  pool: pg.Pool,
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A server that dies between two statements makes the client emit; without a listener Node would exit.
  const onError = (error: Error) => (broken = error);
  client.on('error', onError);
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => (broken = rollbackError));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

const DEADLOCK = '40P01';
const TRIES = 5;

/** Repeats what a deadlock undid: the other side has what it wanted now. */
export async function onceMore<T>(work: () => Promise<T>, tries = TRIES): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tries === 1 || !hasCode(error, DEADLOCK)) throw error;
    return onceMore(work, tries - 1);
  }
}
