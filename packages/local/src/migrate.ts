import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationList, SchemasContainer } from '@prisma/schema-engine-wasm';
import { REPO_ROOT } from './repo-root.js';
import { LOCK_NOT_AVAILABLE, type LockPatience, type SchemaEngine, withSchemaEngine } from './schema-engine.js';
import { SetupError } from './setup-error.js';

const FILTERS = { externalTables: [], externalEnums: [] };

export interface SchemaFiles {
  /** The file `schema.prisma`. */
  schema: string;
  /** The folder with one folder per migration. */
  migrations: string;
}

/** Where the project keeps them. */
export const SCHEMA_FILES: SchemaFiles = {
  schema: path.join(REPO_ROOT, 'prisma/schema.prisma'),
  migrations: path.join(REPO_ROOT, 'prisma/migrations'),
};

const readMigrations = async (folder: string): Promise<MigrationList> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => {
      const value = await readFile(path.join(folder, name, 'migration.sql'), 'utf8');
      return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
    }),
  );
  const content = await readFile(path.join(folder, 'migration_lock.toml'), 'utf8');
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content },
    shadowDbInitScript: '',
    migrationDirectories,
  };
};

const readSchema = async (file: string): Promise<SchemasContainer> => ({
  files: [{ path: file, content: await readFile(file, 'utf8') }],
});

/** The engine's messages carry its own stack, and may begin with a line that says nothing. */
const firstLineOf = (error: unknown): string => {
  const lines = (error as Error).message.split('\n').map((line) => line.trim());
  const told = lines.filter((line) => line && line !== 'external connector error');
  return told[0] ?? 'no reason given';
};

/** The engine runs nothing after a migration that failed. One that only waited in vain has changed nothing, and is no failure. */
const forgetFailed = async (engine: SchemaEngine, migrationsList: MigrationList): Promise<string[]> => {
  const history = { migrationsList, filters: FILTERS, optInToShadowDatabase: false };
  const { failedMigrationNames } = await engine.diagnoseMigrationHistory(history);
  for (const migrationName of failedMigrationNames) await engine.markMigrationRolledBack({ migrationName });
  return failedMigrationNames;
};

/**
 * Brings a database up to date; returns the names of the migrations that were missing. Safe to run again.
 * @param patience how to wait for tables that others use, a minute altogether unless it is given
 * @throws SetupError also when they were in use for so long
 */
export const applyMigrations = async (
  databaseUrl: string,
  files = SCHEMA_FILES,
  patience?: LockPatience,
): Promise<string[]> => {
  const migrationsList = await readMigrations(files.migrations);
  const apply = async (engine: SchemaEngine): Promise<string[]> => {
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: FILTERS });
      return appliedMigrationNames;
    } catch (error) {
      if ((error as Error).message.includes(`(${LOCK_NOT_AVAILABLE})`)) {
        const names = await forgetFailed(engine, migrationsList);
        throw new SetupError(
          `The database cannot be migrated: ${names.join(', ')} waits for a table that others use. Nothing was changed by it; end long transactions, then migrate again.`,
          { cause: error },
        );
      }
      throw new SetupError(`The database cannot be migrated: ${firstLineOf(error)}`, { cause: error });
    }
  };
  return withSchemaEngine(databaseUrl, apply, patience);
};

/** The SQL that leads from nothing to the schema: the first migration. */
export const scriptFromEmpty = async (databaseUrl: string, files = SCHEMA_FILES): Promise<string> => {
  const schema = await readSchema(files.schema);
  return withSchemaEngine(databaseUrl, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', ...schema },
      script: true,
      exitCode: null,
      filters: FILTERS,
    });
    return stdout ?? '';
  });
};
