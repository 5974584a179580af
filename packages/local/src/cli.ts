#!/usr/bin/env node
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkGeneratedFiles, checkMigrations } from './check-generated.js';
import { runDemo } from './demo.js';
import { runDev } from './dev.js';
import { InterruptedError } from './interrupts.js';
import { applyMigrations } from './migrate.js';
import { REPO_ROOT } from './repo-root.js';
import { SetupError } from './setup-error.js';

const USAGE = `Usage: cli.js <command>

  dev               start API, worker and stores; see bin/dev
  demo              train a first LoRA; see bin/demo
  bench             measure; see bin/bench
  migrate apply     bring the database of DATABASE_URL up to date
  migrate diff      fail when the migrations do not lead to prisma/schema.prisma
  check-generated   fail when a generated file or the migrations are stale
`;

const runBench = async (): Promise<void> => {
  const main = path.join(REPO_ROOT, 'bench/run.js');
  if (!existsSync(main)) throw new SetupError('There are no benchmarks in this checkout (bench/run.js).');
  await import(pathToFileURL(main).href);
};

const migrate = async (action: string | undefined): Promise<void> => {
  if (action === 'diff') return checkMigrations();
  const url = process.env.DATABASE_URL;
  if (action !== 'apply') throw new SetupError('Say `migrate apply` or `migrate diff`.');
  if (!url) throw new SetupError('DATABASE_URL is not set: it names the database to migrate.');
  const applied = await applyMigrations(url);
  process.stdout.write(applied.length > 0 ? `Applied ${applied.join(', ')}.\n` : 'Up to date.\n');
};

const main = async ([command, action]: string[]): Promise<void> => {
  switch (command) {
    case 'dev':
      return runDev(process.env);
    case 'demo':
      return runDemo(process.env);
    case 'bench':
      return runBench();
    case 'migrate':
      return migrate(action);
    case 'check-generated':
      await checkMigrations();
      return checkGeneratedFiles();
    default:
      process.stdout.write(USAGE);
      process.exitCode = command === '--help' ? 0 : 1;
  }
};

const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error instanceof SetupError ? error.message : (error.stack ?? error.message);
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof InterruptedError)) process.stderr.write(`${explain(error)}\n`);
  process.exitCode = error instanceof InterruptedError ? error.exitCode : 1;
}
