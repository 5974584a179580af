import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { startPostgres, stopPostgres } from './embedded-postgres.js';
import { isAlive } from './process-alive.js';
import { findRedisProgram, startRedis, stopRedis } from './redis-server.js';
import { REPO_ROOT } from './repo-root.js';
import { prepareTestTemplate } from './test-database.js';

const RUNS = path.join(REPO_ROOT, '.local/test');

/** Several runs at a time do not meet: each has servers of its own. */
const runFolder = (pid: number): string => path.join(RUNS, `run-${pid}`);

const clearRun = async (pid: number): Promise<void> => {
  const folder = runFolder(pid);
  await stopPostgres(path.join(folder, 'postgres'));
  await stopRedis(path.join(folder, 'redis'));
  await rm(folder, { recursive: true, force: true });
};

/** What a run left behind that was killed. */
const clearDeadRuns = async (): Promise<void> => {
  const names = await readdir(RUNS).catch(() => []);
  const pids = names.map((name) => Number(/^run-(\d+)$/.exec(name)?.[1])).filter(Boolean);
  for (const pid of pids.filter((pid) => !isAlive(pid))) await clearRun(pid);
};

/**
 * Jest's global setup: real stores for the whole run. `TEST_DATABASE_URL` and `TEST_REDIS_URL` name servers to use; without
 * them a private PostgreSQL is started, and a private Redis where the machine has one.
 */
export default async function setUpStores(): Promise<void> {
  await clearDeadRuns();
  const folder = runFolder(process.pid);
  if (!process.env.TEST_DATABASE_URL) {
    const postgres = await startPostgres({ folder: path.join(folder, 'postgres'), durability: 'none' });
    process.env.TEST_DATABASE_URL = postgres.url;
  }
  await prepareTestTemplate(process.env.TEST_DATABASE_URL);

  const program = await findRedisProgram();
  if (!process.env.TEST_REDIS_URL && program) {
    const redis = await startRedis({ program, folder: path.join(folder, 'redis') });
    process.env.TEST_REDIS_URL = redis.url;
  }
}

/** Jest's global teardown: stops what this run started. */
export const tearDownStores = (): Promise<void> => clearRun(process.pid);
