import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  applyMigrations,
  type EmbeddedPostgres,
  ensureDatabase,
  findRedisProgram,
  freePort,
  REPO_ROOT,
  startPostgres,
  startRedis,
  waitUntil,
} from '@influencerai/local';

/** Stores and processes to measure, thrown away afterwards. */
export class System implements AsyncDisposable {
  private readonly processes: ChildProcess[] = [];
  private readonly pids = new Map<string, number>();
  private readonly stops: (() => Promise<unknown>)[] = [];
  readonly folder: string;
  private readonly postgres: EmbeddedPostgres;

  private constructor(folder: string, postgres: EmbeddedPostgres) {
    this.folder = folder;
    this.postgres = postgres;
  }

  static async start(): Promise<System> {
    const folder = await mkdtemp(path.join(tmpdir(), 'influencerai-bench-'));
    await mkdir(path.join(folder, 'data/datasets'), { recursive: true });
    await cp(path.join(REPO_ROOT, 'data/datasets/my-influencer'), path.join(folder, 'data/datasets/my-influencer'), {
      recursive: true,
    });
    return new System(folder, await startPostgres({ folder: path.join(folder, 'postgres') }));
  }

  /** A migrated database. */
  async database(name: string): Promise<string> {
    const url = await ensureDatabase(this.postgres.url, name);
    await applyMigrations(url);
    return url;
  }

  /** A Redis of its own, or undefined where there is no `redis-server`. */
  async redis(): Promise<string | undefined> {
    const program = await findRedisProgram();
    if (!program) return undefined;
    const redis = await startRedis({ program, folder: path.join(this.folder, 'redis') });
    this.stops.push(() => redis.stop());
    return redis.url;
  }

  async api(databaseUrl: string, environment: Record<string, string> = {}): Promise<string> {
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const settings = {
      DATABASE_URL: databaseUrl,
      PORT: port,
      DATA_ROOT: this.data,
      LOG_LEVEL: 'warn',
      NODE_ENV: 'production',
      // What is measured comes faster than any tenant may.
      RATE_LIMITS: 'off',
    };
    const { pid } = this.spawn(path.join(REPO_ROOT, 'apps/api/dist/main.js'), { ...settings, ...environment });
    this.pids.set(url, pid ?? 0);
    await waitUntil(() => answers(`${url}/health/ready`), { timeoutMs: 30_000, what: 'the API' });
    return url;
  }

  worker(apiUrl: string, environment: Record<string, string>): string {
    const folder = path.join(this.folder, `worker-${this.processes.length}`);
    const settings = {
      API_URL: apiUrl,
      DATA_ROOT: this.data,
      DATASET_ACCESS: 'mount',
      WORKER_DIR: folder,
      WORKER_SLOTS: '1',
      LOG_LEVEL: 'warn',
    };
    this.spawn(path.join(REPO_ROOT, 'apps/worker/dist/main.js'), { ...settings, ...environment });
    return folder;
  }

  async baseline(databaseUrl: string): Promise<string> {
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const environment = { DATABASE_URL: databaseUrl, PORT: port, NODE_ENV: 'production' };
    this.spawn(path.join(import.meta.dirname, 'baseline-server.ts'), environment);
    await waitUntil(() => answers(`${url}/`), { timeoutMs: 30_000, what: 'the baseline server' });
    return url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.processes.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    for (const stop of this.stops) await stop();
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The process of an API. */
  pidOf(url: string): number {
    return this.pids.get(url) ?? 0;
  }

  get data(): string {
    return path.join(this.folder, 'data');
  }

  private spawn(entry: string, environment: Record<string, string>): ChildProcess {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
    const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    this.processes.push(child);
    return child;
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (answer) => answer.status < 500,
    () => false,
  );
