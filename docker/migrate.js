// Brings the database up to date and ends. Runs inside the deployed package @influencerai/local.
import { applyMigrations } from './dist/migrate.js';

const { DATABASE_URL } = process.env;

try {
  if (!DATABASE_URL) throw new Error('Set DATABASE_URL.');
  const applied = await applyMigrations(DATABASE_URL);
  console.log(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'The database is up to date.');
} catch (error) {
  console.error(`migrate: ${error.message}`);
  process.exitCode = 1;
}
