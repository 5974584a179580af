import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { CONFIG, type Config } from '../env.js';
import { onceMore, openPool, type PreparedQuery, toPoolConfig, transact } from './connections.js';
import { Database } from './database.js';
import { type Prisma, PrismaClient } from './generated/client.js';
import { askAsTenant } from './tenant-query.js';

/** The role whose connections see the rows of one tenant; of nobody until they are told whose. */
const TENANT_ROLE = 'influencerai_tenant';

const WHO = 'select current_user::text as role';

/** Waiting for a connection and for locks of other requests included. */
const LIMITS = { maxWait: 5_000, timeout: 10_000 };

/**
 * The connection to PostgreSQL for what is done for one tenant. Nothing here works without saying for which, and with
 * row security on (`ROW_SECURITY`) PostgreSQL itself shows no row of another one, whatever the query asks.
 */
@Injectable()
export class TenantDatabase implements OnModuleInit, OnApplicationShutdown {
  private readonly isSecured: boolean;
  private readonly pool: pg.Pool;
  private readonly prisma: PrismaClient;

  constructor(@Inject(CONFIG) { database }: Config, shared: Database) {
    this.isSecured = database.hasRowSecurity;
    const options = { ...database, role: TENANT_ROLE };
    this.pool = this.isSecured ? openPool(options) : shared.pool;
    this.prisma = this.isSecured ? new PrismaClient({ adapter: new PrismaPg(toPoolConfig(options)) }) : shared.prisma;
  }

  /** @throws Error when connections do not have the role that sees one tenant alone */
  async onModuleInit(): Promise<void> {
    if (!this.isSecured) return;
    const { rows } = await this.pool.query<{ role: string }>(WHO);
    const byPrisma = await this.prisma.$queryRawUnsafe<{ role: string }[]>(WHO);
    const other = [...rows, ...byPrisma].find(({ role }) => role !== TENANT_ROLE);
    if (other)
      throw new Error(
        `ROW_SECURITY is on, but connections have the role ${other.role}: whatever stands between here and PostgreSQL must pass on the startup option "role".`,
      );
  }

  /** Rows of a prepared query. */
  async query<Row extends pg.QueryResultRow>(
    tenantId: string,
    query: PreparedQuery,
    values: unknown[],
  ): Promise<Row[]> {
    const config = { ...query, values };
    const result = await onceMore(() =>
      this.isSecured ? this.ask<Row>(tenantId, config) : this.pool.query<Row>(config),
    );
    return result.rows;
  }

  /** Runs `work` in one transaction, as {@link Database.transaction} does. */
  transaction<T>(tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const begin = this.isSecured ? `begin; ${setTenant(tenantId)}` : 'begin';
    return transact(this.pool, begin, work);
  }

  /** Reads through Prisma. */
  read<T>(tenantId: string, work: (prisma: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    return this.isSecured ? this.write(tenantId, work) : work(this.prisma);
  }

  /** Runs `work` through Prisma in one transaction. */
  write<T>(tenantId: string, work: (prisma: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    return this.prisma.$transaction(async (transaction) => {
      if (this.isSecured) await transaction.$queryRawUnsafe(setTenant(tenantId));
      return work(transaction);
    }, LIMITS);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.isSecured) await Promise.all([this.prisma.$disconnect(), this.pool.end()]);
  }

  private async ask<Row extends pg.QueryResultRow>(tenantId: string, config: pg.QueryConfig & { name: string }) {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    // The error reaches the query, too; without a listener Node would exit.
    const onError = (error: Error) => (broken = error);
    client.on('error', onError);
    try {
      return await askAsTenant<Row>(client, tenantId, config);
    } catch (error) {
      // Errors of the statement leave the connection good; of the connection itself they do not, nor does a last word.
      if (!(error instanceof pg.DatabaseError) || error.severity === 'FATAL') broken = error as Error;
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }
}

/** For the transaction that it stands in. */
const setTenant = (tenantId: string): string =>
  `select set_config('app.tenant_id', ${pg.escapeLiteral(tenantId)}, true)`;
