import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  applyMigrations,
  createTestDatabase,
  type EmbeddedPostgres,
  findRedisProgram,
  freePort,
  type RedisServer,
  REPO_ROOT,
  startPostgres,
  startRedis,
} from '@influencerai/local';
import { InfluencerAIClient } from '@influencerai/sdk';
import pg from 'pg';
import { Service } from './service.js';

export type QueueBackend = 'postgres' | 'redis';

/** The backends that this machine can run; Redis needs a `redis-server` on the PATH. */
export const queueBackends: QueueBackend[] = (await findRedisProgram()) ? ['postgres', 'redis'] : ['postgres'];

export interface StackOptions {
  queue: QueueBackend;
  /** A PostgreSQL of its own, for tests that kill it. */
  ownPostgres?: boolean;
  slots?: number;
  /** Workers to begin with; 1 by default. */
  workers?: number;
  /** Settings of the API and the workers, of the folder that everything lies in. */
  environment?: Record<string, string> | ((folder: string) => Record<string, string>);
  /** Called with the folder before anything is started. */
  prepare?: (folder: string) => Promise<void>;
}

/** Short times, so that a lost worker is noticed within seconds. */
const IMPATIENCE = {
  LEASE_MS: '8000',
  HEARTBEAT_MS: '1000',
  SWEEP_MS: '500',
  RENOTIFY_MS: '2000',
  CANARY_MS: '1000',
  CLAIM_POLL_MS: '1000',
};

/** A whole installation: database, queue, API and workers, as real processes on this machine. */
export class Stack implements AsyncDisposable {
  readonly workers: Service[] = [];
  api!: Service;
  postgres: EmbeddedPostgres | undefined;
  redis: RedisServer | undefined;
  databaseUrl!: string;
  apiUrl!: string;
  private readonly cleanups: (() => Promise<unknown>)[] = [];

  private constructor(
    private readonly options: StackOptions,
    readonly folder: string,
  ) {}

  static async start(options: StackOptions): Promise<Stack> {
    const folder = await mkdtemp(path.join(tmpdir(), 'influencerai-e2e-'));
    const stack = new Stack(options, folder);
    await cp(path.join(REPO_ROOT, 'data/datasets/my-influencer'), stack.path('data/datasets/my-influencer'), {
      recursive: true,
    });
    await options.prepare?.(folder);
    await stack.startStores();
    await stack.startApi();
    for (let index = 0; index < (options.workers ?? 1); index++) await stack.startWorker();
    return stack;
  }

  private get environment(): Record<string, string> {
    const { environment = {} } = this.options;
    return typeof environment === 'function' ? environment(this.folder) : environment;
  }

  path(relative: string): string {
    return path.join(this.folder, relative);
  }

  client(tenantId: string): InfluencerAIClient {
    return new InfluencerAIClient({ baseUrl: this.apiUrl, tenantId });
  }

  /** Rows of a query on the system's database, for assertions. */
  async rows<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts a worker, with settings of its own besides those of the stack. */
  async startWorker(own: Record<string, string> = {}): Promise<Service> {
    const index = this.workers.length;
    const environment = {
      ...IMPATIENCE,
      API_URL: this.apiUrl,
      QUEUE_DATABASE_URL: this.databaseUrl,
      ...(this.redis && { REDIS_URL: this.redis.url }),
      DATA_ROOT: this.path('data'),
      WORKER_DIR: this.path(`worker-${index}`),
      WORKER_SLOTS: String(this.options.slots ?? 1),
      LOG_LEVEL: 'info',
      ...this.environment,
      ...own,
    };
    const client = this.client('tenant_probe');
    const known = this.workers.filter((worker) => worker.isRunning).length;
    const isOnline = async () => {
      const { data } = await client.workers.list();
      return data.filter((worker) => worker.status === 'online').length > known;
    };
    const worker = new Service(
      `worker-${index}`,
      path.join(REPO_ROOT, 'apps/worker/dist/main.js'),
      environment,
      this.path(`worker-${index}.log`),
      isOnline,
    );
    this.workers.push(worker);
    await worker.start();
    return worker;
  }

  /** Deletes everything that the queue store holds, as a crash without persistence does. */
  async loseQueue(): Promise<void> {
    if (this.redis) {
      const { port } = this.redis;
      await this.redis.stop();
      this.redis = await this.startRedis(port);
      return;
    }
    const tables = await this.rows<{
      name: string;
    }>(`select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
      where schemaname = 'bullmq' and tablename not like '%migration%'`);
    await this.rows(`truncate ${tables.map((table) => table.name).join(', ')}`);
  }

  /** Kills PostgreSQL without a word and starts it again on the same port and data. */
  async crashPostgres(): Promise<void> {
    if (!this.postgres) throw new Error('This stack has no PostgreSQL of its own.');
    const { pid, port } = this.postgres;
    process.kill(pid, 'SIGKILL');
    this.postgres = await startPostgres({ folder: this.path('postgres'), port, durability: 'full' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of [...this.workers, this.api]) await service?.stop('SIGKILL');
    for (const cleanup of this.cleanups.reverse()) await cleanup();
    await this.redis?.stop();
    await this.postgres?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async startStores(): Promise<void> {
    await mkdir(this.path('data'), { recursive: true });
    if (this.options.queue === 'redis') this.redis = await this.startRedis();
    if (this.options.ownPostgres) {
      this.postgres = await startPostgres({ folder: this.path('postgres') });
      this.databaseUrl = this.postgres.url;
      await applyMigrations(this.databaseUrl);
      return;
    }
    const database = await createTestDatabase();
    this.databaseUrl = database.url;
    this.cleanups.push(() => database.drop());
  }

  private async startApi(): Promise<void> {
    const port = await freePort();
    this.apiUrl = `http://127.0.0.1:${port}`;
    const environment = {
      ...IMPATIENCE,
      DATABASE_URL: this.databaseUrl,
      ...(this.redis && { REDIS_URL: this.redis.url }),
      PORT: String(port),
      DATA_ROOT: this.path('data'),
      LOG_LEVEL: 'warn',
      ...this.environment,
    };
    const isReady = () =>
      fetch(`${this.apiUrl}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      );
    this.api = new Service(
      'api',
      path.join(REPO_ROOT, 'apps/api/dist/main.js'),
      environment,
      this.path('api.log'),
      isReady,
    );
    await this.api.start();
  }

  private async startRedis(port?: number): Promise<RedisServer> {
    const program = await findRedisProgram();
    if (!program) throw new Error('No redis-server on the PATH.');
    return startRedis({ program, folder: this.path('redis'), port });
  }
}
