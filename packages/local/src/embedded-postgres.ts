import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { freePort, isPortFree } from './free-port.js';
import { giveTo, launchAs, serverAccount, type Account } from './postgres-account.js';
import { findPostgresBinaries, POSTGRES_MAJOR } from './postgres-binaries.js';
import { isAlive } from './process-alive.js';
import { explainWriteError, SetupError } from './setup-error.js';
import { waitUntil } from './wait-until.js';

export interface EmbeddedPostgresOptions {
  /** Everything of this server lies below: data, port and password, log. */
  folder: string;
  /** A fixed port; by default the one used last, or any free one. */
  port?: number;
  /** `none` is for tests: faster, and the data does not outlive a crash of the machine. */
  durability?: 'full' | 'none';
  signal?: AbortSignal;
}

export interface EmbeddedPostgres {
  /** Connection string of the database `postgres`; others by `urlOf`. */
  url: string;
  urlOf(database: string): string;
  port: number;
  pid: number;
  /** False when the server of this folder was running already: then it belongs to somebody else. */
  startedHere: boolean;
  stop(): Promise<void>;
  /** Ends it without waiting for anything; the next start recovers. */
  kill(): void;
}

interface ServerFile {
  port: number;
  password: string;
  /** False until initdb has finished. */
  ready: boolean;
}

const STOP_TIMEOUT_MS = 15_000;
const START_TIMEOUT_MS = 60_000;

const layout = (folder: string) => ({
  data: path.join(folder, 'data'),
  version: path.join(folder, 'data', 'PG_VERSION'),
  pid: path.join(folder, 'data', 'postmaster.pid'),
  server: path.join(folder, 'server.json'),
  log: path.join(folder, 'server.log'),
});

const read = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const readServer = async (folder: string): Promise<ServerFile | undefined> => {
  const text = await read(layout(folder).server);
  return text === undefined ? undefined : (JSON.parse(text) as ServerFile);
};

const saveServer = (folder: string, server: ServerFile): Promise<void> =>
  writeFile(layout(folder).server, JSON.stringify(server), { mode: 0o600 });

const readPid = async (folder: string): Promise<number | undefined> =>
  Number((await read(layout(folder).pid))?.split('\n')[0]) || undefined;

const urlFor = ({ port, password }: ServerFile, database: string): string =>
  `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;

/** True when the server behind port and password answers and serves this very folder. */
const answers = async (server: ServerFile, dataFolder: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: urlFor(server, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ folder: string }>("select current_setting('data_directory') as folder");
    return rows[0]?.folder === dataFolder;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};

const run = async (command: string, args: string[], account?: Account): Promise<void> => {
  const child = spawn(command, args, { ...account, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${path.basename(command)} failed: ${output.trim() || `exit code ${code}`}`);
};

const initialise = async (folder: string, account: Account | undefined): Promise<ServerFile> => {
  const files = layout(folder);
  const { initdb, folder: programs } = findPostgresBinaries();
  const server: ServerFile = { port: 0, password: randomBytes(18).toString('base64url'), ready: false };
  const passwordFile = path.join(folder, 'password');
  await saveServer(folder, server);
  // What an interrupted initdb left holds nothing of value.
  await rm(files.data, { recursive: true, force: true });
  await mkdir(files.data, { mode: 0o700 });
  await writeFile(passwordFile, server.password, { mode: 0o600 });
  await giveTo(account, files.data);
  await giveTo(account, passwordFile);
  const auth = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const text = ['--encoding=UTF8', '--locale=C', '--no-instructions', '--no-sync'];
  const launch = await launchAs(account, {
    command: initdb,
    args: ['-D', files.data, ...auth, ...text],
    folders: [programs, folder],
  });
  await run(launch.command, launch.args, launch.account);
  await rm(passwordFile);
  await saveServer(folder, { ...server, ready: true });
  return { ...server, ready: true };
};

/** The process that serves the folder now. Clears the way after a kill -9: its process id may be another program's. */
const findRunning = async (folder: string, server: ServerFile): Promise<number | undefined> => {
  const files = layout(folder);
  const pid = await readPid(folder);
  if (pid === undefined) return undefined;
  const settled = waitUntil(async () => !isAlive(pid) || (await answers(server, files.data)), {
    timeoutMs: 3_000,
    what: `process ${pid}`,
  });
  await settled.catch(() => undefined);
  if (await answers(server, files.data)) return pid;
  await rm(files.pid, { force: true });
  return undefined;
};

const tail = async (file: string): Promise<string> => {
  const lines = ((await read(file)) ?? '').trim().split('\n');
  return lines.filter((line) => /FATAL|ERROR|PANIC/.test(line)).at(-1) ?? lines.at(-1) ?? '';
};

const flagsFor = (port: number, durability: 'full' | 'none'): string[] => {
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];
  if (durability === 'none') settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off');
  return settings.flatMap((setting) => ['-c', setting]);
};

/** Starts the server process, detached so that Ctrl-C reaches the API and the worker first. */
const launch = async (
  folder: string,
  { server, account, durability }: { server: ServerFile; account?: Account; durability: 'full' | 'none' },
): Promise<number> => {
  const files = layout(folder);
  const { postgres, folder: programs } = findPostgresBinaries();
  const log = await open(files.log, 'w', 0o600);
  const start = await launchAs(account, {
    command: postgres,
    args: ['-D', files.data, ...flagsFor(server.port, durability)],
    folders: [programs, folder],
  });
  const child = spawn(start.command, start.args, {
    ...start.account,
    cwd: '/',
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let ended = false;
  child.once('exit', () => (ended = true));
  child.once('error', () => (ended = true));
  child.unref();
  await log.close();
  await waitUntil(async () => ended || (await answers(server, files.data)), {
    timeoutMs: START_TIMEOUT_MS,
    what: `PostgreSQL in ${folder}`,
  });
  if (ended) throw new Error(await tail(files.log));
  return child.pid as number;
};

const stopServer = async (pid: number): Promise<void> => {
  if (!isAlive(pid)) return;
  // SIGINT is PostgreSQL's fast shutdown: it breaks connections but finishes cleanly.
  process.kill(pid, 'SIGINT');
  await waitUntil(() => !isAlive(pid), { timeoutMs: STOP_TIMEOUT_MS, what: `PostgreSQL (process ${pid}) to stop` });
};

const prepareFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true });
    const probe = path.join(folder, `.probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw explainWriteError(folder, error);
  }
};

/** The server that was set up in the folder before, or undefined where there is none yet. */
const findServer = async (folder: string): Promise<ServerFile | undefined> => {
  const version = (await read(layout(folder).version))?.trim();
  if (version === undefined) return undefined;
  const server = await readServer(folder);
  if (version === String(POSTGRES_MAJOR) && server) return server.ready ? server : undefined;
  const found = server ? `of PostgreSQL ${version}, this version brings ${POSTGRES_MAJOR}` : 'without its server.json';
  throw new SetupError(`The data in ${folder} is ${found}: move the folder away or delete it to start afresh.`);
};

const choosePort = async (asked: number | undefined, last: number): Promise<number> => {
  if (asked === undefined) return last && (await isPortFree(last)) ? last : freePort();
  if (await isPortFree(asked)) return asked;
  throw new SetupError(`Port ${asked}, asked for PostgreSQL, is taken: choose another one.`);
};

/**
 * Starts a private PostgreSQL in a folder, on 127.0.0.1 only and behind a random password, or finds the one that runs
 * there already. A folder that was left by kill -9 recovers.
 */
export const startPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const folder = path.resolve(options.folder);
  await prepareFolder(folder);
  const before = await findServer(folder);
  const running = before && (await findRunning(folder, before));
  if (before && running) return handle(before, running, false);

  const account = await serverAccount();
  const known = before ?? (await initialise(folder, account));
  for (let tries = 1; ; tries += 1) {
    options.signal?.throwIfAborted();
    const server = { ...known, port: await choosePort(options.port, tries === 1 ? known.port : 0) };
    await saveServer(folder, server);
    try {
      return handle(server, await launch(folder, { server, account, durability: options.durability ?? 'full' }), true);
    } catch (error) {
      // Lost a race for the port, or children of a killed server still hold its shared memory: both pass.
      if (tries === 5) {
        const reason = (error as Error).message;
        throw new SetupError(`PostgreSQL in ${folder} does not start: ${reason} (log: ${layout(folder).log})`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 300 * tries));
    }
  }
};

const handle = (server: ServerFile, pid: number, startedHere: boolean): EmbeddedPostgres => ({
  url: urlFor(server, 'postgres'),
  urlOf: (database) => urlFor(server, database),
  port: server.port,
  pid,
  startedHere,
  stop: () => stopServer(pid),
  // SIGQUIT is PostgreSQL's immediate shutdown.
  kill: () => void (isAlive(pid) && process.kill(pid, 'SIGQUIT')),
});

/** Stops the server that was left running in a folder, if any. */
export const stopPostgres = async (folder: string): Promise<void> => {
  const server = await readServer(path.resolve(folder));
  const running = server && (await findRunning(path.resolve(folder), server));
  if (running) await stopServer(running);
};
