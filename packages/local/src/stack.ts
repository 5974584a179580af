import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Child } from './child-process.js';
import { devKeys } from './dev-keys.js';
import { ensureDatabase } from './databases.js';
import { startPostgres } from './embedded-postgres.js';
import { freePort, isPortFree } from './free-port.js';
import { InfluencerAIClient } from '@influencerai/sdk';
import { applyMigrations } from './migrate.js';
import { REPO_ROOT } from './repo-root.js';
import { explainWriteError, SetupError } from './setup-error.js';
import { WorkerPool } from './worker-pool.js';

export interface StackOptions {
  /** Where the private PostgreSQL and the worker keep their state. */
  folder: string;
  /** Port of the API; any free one by default. */
  port?: number;
  /** What clients call `data`. */
  dataRoot: string;
  /** Settings that are passed on; DATABASE_URL and REDIS_URL replace the private stores. */
  env: NodeJS.ProcessEnv;
  onLine(service: string, line: string): void;
  signal: AbortSignal;
  /** Runs workers as the API says, and crashed ones again, in place of a single one whose end breaks the stack. */
  hasWorkerPool?: boolean;
}

export interface Stack {
  apiUrl: string;
  /** Whose tenants there are to manage; undefined where nobody is asked who they are. */
  operatorKey: string | undefined;
  /** Resolves with a message when the API or the worker ends without being asked. */
  broken: Promise<string>;
  /** Worker first, so that it can hand its jobs back to the API. */
  stop(): Promise<void>;
  kill(): void;
}

const API_MAIN = path.join(REPO_ROOT, 'apps/api/dist/main.js');
const WORKER_MAIN = path.join(REPO_ROOT, 'apps/worker/dist/main.js');
/** A report that takes longer has met an API that is away. */
const REPORT_MS = 5_000;
const DRAIN_MS = 30_000;
/** What the API may have started on one machine. */
const MOST_WORKERS = 8;

const checkPort = async (port: number | undefined): Promise<number> => {
  if (port === undefined) return freePort();
  if (await isPortFree(port)) return port;
  throw new SetupError(`Port ${port} is taken: stop what uses it, or choose another one with PORT=${port + 1}.`);
};

const checkBuilt = async (): Promise<void> => {
  await Promise.all([access(API_MAIN), access(WORKER_MAIN)]).catch((error: unknown) => {
    throw new SetupError('The API and the worker are not built: run `pnpm build`.', { cause: error });
  });
};

type Cleanup = () => Promise<void>;

/** What a second Ctrl-C ends. */
interface Killable {
  kill(): void;
}

/** Undoes in reverse order, each step whatever the others do. */
const undo = async (cleanups: Cleanup[]): Promise<void> => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch(() => undefined);
};

/** The private PostgreSQL, migrated, or the server that DATABASE_URL names. */
const openDatabase = async (options: StackOptions, cleanups: Cleanup[], started: Killable[]): Promise<string> => {
  const given = options.env.DATABASE_URL;
  if (given) {
    await applyMigrations(given).catch((error: unknown) => {
      throw isConnectionError(error) ? unreachable(given, error) : error;
    });
    return given;
  }
  const server = await startPostgres({ folder: path.join(options.folder, 'postgres'), signal: options.signal });
  started.unshift(server);
  cleanups.push(() => server.stop());
  const url = await ensureDatabase(server.url, 'influencerai');
  await applyMigrations(url);
  return url;
};

const isConnectionError = (error: unknown): boolean =>
  /reach database server|ECONN|ENOTFOUND|Authentication|denied/i.test((error as Error).message);

const unreachable = (url: string, cause: unknown): SetupError => {
  const { host } = new URL(url);
  return new SetupError(`PostgreSQL at ${host} does not answer: start it, or correct or unset DATABASE_URL.`, {
    cause,
  });
};

/** Starts stores, API and worker, and waits until they are ready. Whatever was started is stopped when a step fails. */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const cleanups: Cleanup[] = [];
  const started: Killable[] = [];
  const launch = (name: string, script: string, env: NodeJS.ProcessEnv): Child => {
    options.signal.throwIfAborted();
    const onLine = (line: string) => options.onLine(name, line);
    return new Child({ name, script, env: { ...options.env, ...env }, cwd: REPO_ROOT, onLine });
  };
  const keep = (child: Child): Child => {
    started.unshift(child);
    cleanups.push(() => child.stop(DRAIN_MS));
    return child;
  };

  try {
    await checkBuilt();
    const port = await checkPort(options.port);
    const apiUrl = `http://127.0.0.1:${port}`;
    await makeFolders([options.folder, options.dataRoot]);
    const databaseUrl = await openDatabase(options, cleanups, started);
    const keys = await devKeys(options.folder, options.env);
    const shared = { DATA_ROOT: options.dataRoot, NODE_ENV: options.env.NODE_ENV ?? 'development' };
    const hub = { HF_HOME: options.env.HF_HOME ?? (await hubHome(options.folder)) };
    const api = keep(
      launch('api', API_MAIN, {
        ...shared,
        ...hub,
        ...(keys && { OPERATOR_KEY: keys.operatorKey, WORKER_KEY: keys.workerKey }),
        DATABASE_URL: databaseUrl,
        HOST: '127.0.0.1',
        PORT: String(port),
      }),
    );
    await api.waitForReady(`${apiUrl}/health/ready`);
    const queue = options.env.REDIS_URL ? {} : { QUEUE_DATABASE_URL: databaseUrl };
    // It reads where the API does.
    const datasets = { DATASET_ACCESS: options.env.DATASET_ACCESS ?? 'mount' };
    const apiKey = keys && { API_KEY: keys.workerKey };
    const workerEnv = { ...shared, ...queue, ...datasets, ...apiKey, ...hub, API_URL: apiUrl };
    const startWorker = (place: number): Child => {
      const name = place === 0 ? 'worker' : `worker-${place + 1}`;
      const env = { ...workerEnv, WORKER_DIR: path.join(options.folder, name) };
      return launch(name, WORKER_MAIN, env);
    };
    const needed = [api];
    if (options.hasWorkerPool) {
      const { workers } = new InfluencerAIClient({
        baseUrl: apiUrl,
        apiKey: keys?.workerKey,
        timeoutMs: REPORT_MS,
        maxRetries: 0,
      });
      const pool = new WorkerPool({
        start: startWorker,
        report: (state) => workers.reportPool(state),
        wanted: 1,
        maxWorkers: MOST_WORKERS,
        onLine: (line) => options.onLine('worker', line),
        drainMs: DRAIN_MS,
      });
      started.unshift(pool);
      cleanups.push(() => pool.stop());
      await pool.start();
    } else {
      needed.push(keep(startWorker(0)));
    }

    let isStopping = false;
    const broken = Promise.race(needed.map(async (child) => describeEnd(child, await child.ended)));
    return {
      apiUrl,
      operatorKey: keys?.operatorKey,
      broken: broken.then((message) => (isStopping ? new Promise<string>(() => undefined) : message)),
      stop: () => {
        isStopping = true;
        return undo(cleanups);
      },
      kill: () => started.forEach((program) => program.kill()),
    };
  } catch (error) {
    await undo(cleanups);
    throw error;
  }
};

/** Where base models are kept: where this user has some already, else in the folder. */
const hubHome = async (folder: string): Promise<string> => {
  const own = path.join(homedir(), '.cache/huggingface');
  return access(path.join(own, 'hub')).then(
    () => own,
    () => path.join(folder, 'worker/hub'),
  );
};

const describeEnd = (child: Child, ending: string): string =>
  `The ${child.options.name} ${ending}.\n${child.lastWords}`.trim();

const makeFolders = async (folders: string[]): Promise<void> => {
  for (const folder of folders) {
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw explainWriteError(folder, error);
    });
  }
};
