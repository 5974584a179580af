import { EventEmitter } from 'node:events';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { CONFIG, type Config } from '../env.js';

/** What PostgreSQL says when an event is committed, by whichever replica. */
export interface JobNotification {
  jobId: string;
  type: 'status' | 'artifact' | 'cancel-requested' | 'release-requested' | 'steps-granted';
  /** New status, of `status` events. */
  to: string | null;
  attempt: number | null;
  workerId: string | null;
  /** Of `steps-granted` events: steps granted since the session began. */
  allowedSteps: number | null;
}

const CHANNEL = 'job_event';
const MAX_RETRY_MS = 5_000;

/**
 * Hears of every job event of every API replica, through LISTEN on a connection of its own. A notification that is
 * missed while the connection is down only delays: whoever waits also looks by itself now and then.
 */
@Injectable()
export class JobNotifications implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(JobNotifications.name);
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private client: pg.Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  async onModuleInit(): Promise<void> {
    await this.connect(100);
  }

  /** Calls back for each event until the returned function is called. */
  subscribe(listener: (notification: JobNotification) => void): () => void {
    this.emitter.on('event', listener);
    return () => this.emitter.off('event', listener);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    await this.client?.end();
  }

  private async connect(retryMs: number): Promise<void> {
    const client = new pg.Client({
      connectionString: this.config.database.url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    client.on('notification', ({ payload }) => this.emitter.emit('event', JSON.parse(payload ?? '{}')));
    client.on('error', (error) =>
      this.logger.warn({ err: error }, 'The connection for notifications broke; connecting again.'),
    );
    client.once('end', () => this.reconnectLater(retryMs));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.client = client;
    } catch (error) {
      this.logger.warn({ err: error }, 'Notifications cannot be heard; trying again.');
      this.reconnectLater(retryMs);
    }
  }

  private reconnectLater(retryMs: number): void {
    if (this.isStopped || this.retry) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      void this.connect(Math.min(retryMs * 2, MAX_RETRY_MS));
    }, retryMs);
  }
}
