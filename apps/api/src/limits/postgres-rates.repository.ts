import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Database, type PreparedQuery } from '../database/database.js';
import { type Hits, RateStore } from './rate-store.js';

const PURGE_MS = 10 * 60_000;

/** Counts in PostgreSQL: one statement for a hit. */
@Injectable()
export class PostgresRates extends RateStore implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(PostgresRates.name);
  private timer?: NodeJS.Timeout;

  constructor(private readonly database: Database) {
    super();
  }

  onApplicationBootstrap(): void {
    this.timer ??= setInterval(() => void this.purge(), PURGE_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  async hit(key: string, windowMs: number): Promise<Hits> {
    const [hits] = await this.database.query<Hits>(HIT, [key, windowMs]);
    return hits as Hits;
  }

  async look(key: string): Promise<Hits | undefined> {
    const [hits] = await this.database.query<Hits>(LOOK, [key]);
    return hits;
  }

  /** Drops windows that are over. */
  async purge(): Promise<void> {
    await this.database
      .query(PURGE, [])
      .catch((error: unknown) => this.logger.warn({ err: error }, 'Old rate counts were not purged.'));
  }
}

/** As of the answer: a statement that waited for the row began before the window did, perhaps. */
const RESULT = `hits as count,
  greatest(0, ceil(extract(epoch from ends_at - clock_timestamp()) * 1000))::int as "resetMs"`;

/** Whoever comes while the row is locked waits and counts on from what it finds then. */
const HIT: PreparedQuery = {
  name: 'rate-hit',
  text: `insert into rate_count as c (key, hits, ends_at) values ($1, 1, now() + $2::int * interval '1 millisecond')
    on conflict (key) do update set
      hits = case when c.ends_at <= now() then 1 else c.hits + 1 end,
      ends_at = case when c.ends_at <= now() then excluded.ends_at else c.ends_at end
    returning ${RESULT}`,
};

const LOOK: PreparedQuery = {
  name: 'rate-look',
  text: `select ${RESULT} from rate_count where key = $1 and ends_at > now()`,
};

const PURGE: PreparedQuery = { name: 'rate-purge', text: 'delete from rate_count where ends_at < now()' };
