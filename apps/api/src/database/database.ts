import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { CONFIG, type Config } from '../env.js';
import { onceMore, openPool, type PreparedQuery, toPoolConfig, transact } from './connections.js';
import { PrismaClient } from './generated/client.js';

export type { PreparedQuery } from './connections.js';

/**
 * The connection to PostgreSQL for what concerns every tenant: the fleet, the dispatcher, operators. Whatever is done
 * for one tenant goes through {@link TenantDatabase}. Prisma serves most queries, prepared SQL the hot ones and guarded
 * writes that must be one statement.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;

  constructor(@Inject(CONFIG) { database }: Config) {
    this.pool = openPool(database);
    this.prisma = new PrismaClient({ adapter: new PrismaPg(toPoolConfig(database)) });
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
    return transact(this.pool, 'begin', work);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.prisma.$disconnect(), this.pool.end()]);
  }
}
