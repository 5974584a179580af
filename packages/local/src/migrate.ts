import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationList, SchemasContainer } from '@prisma/schema-engine-wasm';
import { REPO_ROOT } from './repo-root.js';
import { withSchemaEngine } from './schema-engine.js';
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

/** Brings a database up to date; returns the names of the migrations that were missing. Safe to run again. */
export const applyMigrations = async (databaseUrl: string, files = SCHEMA_FILES): Promise<string[]> => {
  const migrationsList = await readMigrations(files.migrations);
  return withSchemaEngine(databaseUrl, async (engine) => {
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: FILTERS });
      return appliedMigrationNames;
    } catch (error) {
      throw new SetupError(`The database cannot be migrated: ${firstLineOf(error)}`, { cause: error });
    }
  });
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
