import { createScratchDatabase, ensureDatabase, withDatabase, type ScratchDatabase } from './databases.js';
import { applyMigrations } from './migrate.js';

export const TEMPLATE_DATABASE = 'influencerai_template';

/** Name of the environment variable with the connection string of the server that the tests use. */
export const TEST_DATABASE_ENV = 'TEST_DATABASE_URL';

const testServer = (): string => {
  const url = process.env[TEST_DATABASE_ENV];
  if (!url)
    throw new Error(
      `${TEST_DATABASE_ENV} is not set: run the tests from the top folder, so that Jest's global setup runs.`,
    );
  return url;
};

/** Migrates the template that every test database is a copy of; once per run. */
export const prepareTestTemplate = async (serverUrl: string): Promise<void> => {
  await applyMigrations(await ensureDatabase(serverUrl, TEMPLATE_DATABASE));
};

/**
 * A migrated database for one test file, cloned in some 30 ms; drop it in `afterAll`.
 *
 * @example
 * const database = await createTestDatabase();
 * afterAll(() => database.drop());
 */
export const createTestDatabase = (): Promise<ScratchDatabase> => {
  const server = withDatabase(testServer(), 'postgres');
  return createScratchDatabase(server, TEMPLATE_DATABASE);
};

/** A database without any table. */
export const createEmptyDatabase = (): Promise<ScratchDatabase> =>
  createScratchDatabase(withDatabase(testServer(), 'postgres'));
