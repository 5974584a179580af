import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { CONFIG, type Config } from '../env.js';
import { hasCode } from '../http/error-code.js';
import { PrismaClient } from './generated/client.js';

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

/**
 * The connection to PostgreSQL: Prisma for most queries, prepared SQL for the hot ones and for guarded writes that
 * must be one statement.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;

  constructor(@Inject(CONFIG) config: Config) {
    this.pool = new pg.Pool({
      connectionString: config.database.url,
      max: config.database.poolSize,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      types,
    });
    // An idle connection that breaks (the server restarted) is replaced by the pool; without a listener Node would exit.
    this.pool.on('error', () => undefined);
    this.prisma = new PrismaClient({
      adapter: new PrismaPg({
        connectionString: config.database.url,
        max: config.database.poolSize,
        connectionTimeoutMillis: 5_000,
      }),
    });
  }

  /** Rows of a prepared query. */
  async query<Row extends pg.QueryResultRow>(query: PreparedQuery, values: unknown[]): Promise<Row[]> {
    const result = await onceMore(() => this.pool.query<Row>({ ...query, values }));
    return result.rows;
  }

  /**
   * Runs `work` in one transaction on one connection; rolls back when it throws. Work that PostgreSQL chose as the victim
   * of a deadlock runs again, so it must have no effect outside the transaction.
   */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return onceMore(() => this.tryTransaction(work));
  }

  private async tryTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    // A server that dies between two statements makes the client emit; without a listener Node would exit.
    const onError = (error: Error) => (broken = error);
    client.on('error', onError);
    try {
      await client.query('begin');
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

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.prisma.$disconnect(), this.pool.end()]);
  }
}

const DEADLOCK = '40P01';
const TRIES = 5;

/** Repeats what a deadlock undid: the other side has what it wanted now. */
async function onceMore<T>(work: () => Promise<T>, tries = TRIES): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (tries === 1 || !hasCode(error, DEADLOCK)) throw error;
    return onceMore(work, tries - 1);
  }
}
