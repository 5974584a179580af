import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from './embedded-postgres.js';
import { REPO_ROOT } from './repo-root.js';
import { findSchemaDrift } from './schema-drift.js';
import { SetupError } from './setup-error.js';

const run = promisify(execFile);

const git = async (...args: string[]): Promise<string> =>
  (await run('git', args, { cwd: REPO_ROOT, maxBuffer: 1e8 })).stdout;

/** Contents of the tracked files as they are now, by git's own hash. */
const snapshot = async (): Promise<string> => {
  const [changes, untracked] = await Promise.all([
    git('diff', 'HEAD', '--no-ext-diff'),
    git('ls-files', '--others', '--exclude-standard'),
  ]);
  return `${changes}\n${untracked}`;
};

const changedFiles = async (): Promise<string[]> => (await git('status', '--porcelain')).trimEnd().split('\n');

/** A PostgreSQL for the length of one call. */
const withPostgres = async <T>(use: (url: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'influencerai-'));
  const server = await startPostgres({ folder, durability: 'none' });
  try {
    return await use(server.url);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

/** @throws SetupError with the differences between schema.prisma and the migrations, if any */
export const checkMigrations = async (): Promise<void> => {
  const drift = await withPostgres((url) => findSchemaDrift(url));
  if (drift.length === 0) return;
  throw new SetupError(`prisma/migrations do not lead to prisma/schema.prisma; add a migration:\n${drift.join('\n')}`);
};

/** Makes the generated files anew: whatever that changes was stale. Changes that are there before do not count. */
export const checkGeneratedFiles = async (): Promise<void> => {
  const before = await snapshot();
  await run('pnpm', ['generate'], { cwd: REPO_ROOT });
  if ((await snapshot()) === before) return;
  const files = await changedFiles();
  throw new SetupError(`Generated files were stale; commit what \`pnpm generate\` made:\n${files.join('\n')}`);
};
