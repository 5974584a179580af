/** Starts the API on a database that is thrown away, lets schemathesis loose on it, and counts. See bin/schemathesis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inRepo, loadBuilt } from './built.ts';

type Local = typeof import('../packages/local/src/index.ts');
type ApiKeys = typeof import('../apps/api/src/auth/api-key.ts');
type Dialects = typeof import('../apps/api/src/dialects/dialects.ts');

const { applyMigrations, Child, ensureDatabase, freePort, startPostgres } =
  await loadBuilt<Local>('packages/local/dist/index.js');
const { mintKey } = await loadBuilt<ApiKeys>('apps/api/dist/auth/api-key.js');
const { DIALECTS } = await loadBuilt<Dialects>('apps/api/dist/dialects/dialects.js');

const TENANT = 'tenant_fuzz';
/** Whose keys, users and limits are called for, so that the tenant above keeps its own. */
const OTHER_TENANT = 'tenant_other';
const WORKER_ID = '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2';
/** The documents of all faces. */
const DOCUMENTS = ['api-json', ...DIALECTS.map(({ face }) => `api-json/${face.name}`)];
const isQuick = process.argv.includes('--quick');
const extra = process.argv.slice(2).filter((arg) => arg !== '--quick');

const folder = await mkdtemp(path.join(tmpdir(), 'influencerai-fuzz-'));
const postgres = await startPostgres({ folder: path.join(folder, 'postgres'), durability: 'none' });
const [operatorKey, workerKey] = [mintKey().key, mintKey().key];
let api: InstanceType<Local['Child']> | undefined;
try {
  const url = await startApi();
  const environment = { API_URL: url, OPERATOR_KEY: operatorKey, WORKER_KEY: workerKey, ...(await createRows(url)) };
  for (const document of DOCUMENTS) process.exitCode = (await runAll(document, environment)) || process.exitCode;
  if (api?.hasEnded) throw new Error(`The API did not survive.\n${api.lastWords}`);
} finally {
  await api?.stop(10_000);
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function startApi(): Promise<string> {
  const databaseUrl = await ensureDatabase(postgres.url, 'influencerai');
  await applyMigrations(databaseUrl);
  const port = await freePort();
  api = new Child({
    name: 'API',
    script: inRepo('apps/api/dist/main.js'),
    cwd: folder,
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      DATA_ROOT: path.join(folder, 'data'),
      PORT: String(port),
      LOG_LEVEL: 'warn',
      AUTH_MODE: 'token',
      // Generated calls come faster than any tenant may.
      RATE_LIMITS: 'off',
      OPERATOR_KEY: operatorKey,
      WORKER_KEY: workerKey,
      // Generated calls open thousands.
      MAX_EVENT_STREAMS: '1000',
    },
    onLine: () => undefined,
  });
  const url = `http://127.0.0.1:${port}`;
  await api.waitForReady(`${url}/health/ready`);
  return url;
}

/** One of each kind, for calls that need something to be there, and a tenant's key that may do everything. */
async function createRows(url: string): Promise<Record<string, string>> {
  const call = async <T = { id: string }>(key: string, route: string, body?: unknown): Promise<T> => {
    const response = await fetch(url + route, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        ...(route !== '/tenants' && route !== '/workers' && { 'x-tenant-id': TENANT }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`POST ${route}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  await mkdir(path.join(folder, 'data/tenants', TENANT, 'datasets'), { recursive: true });
  await writeFile(path.join(folder, 'data/tenants', TENANT, 'datasets/rows.jsonl'), '{"text":"a"}\n{"text":"b"}\n');
  for (const id of [TENANT, OTHER_TENANT]) await call(operatorKey, '/tenants', { id });
  const scopes = ['read', 'write', 'admin'];
  const { key } = await call<{ key: string }>(operatorKey, '/api-keys', {
    name: 'fuzz',
    scopes,
  });
  const dataset = await call(key, '/datasets', { kind: 'fine-tuning', path: 'data/datasets/rows.jsonl' });
  const config = await call(key, '/lora-configs', { name: 'fuzzed', modelName: 'tiny-text' });
  const payload = { datasetId: dataset.id, loraConfigId: config.id };
  const job = await call(key, '/jobs', { type: 'lora-training', payload });
  // One that is over, so that its event stream ends.
  await call(key, `/jobs/${job.id}/cancel`);
  const session = { maxSteps: 1_000_000, name: 'fuzzed' };
  await call(key, '/jobs', { type: 'lora-training', payload, session });
  const worker = {
    id: WORKER_ID,
    host: 'fuzz',
    pid: 1,
    version: '0',
    slots: 1,
    gpus: [],
    trainers: ['tiny'],
    held: [],
  };
  await call(workerKey, '/workers', worker);
  return {
    OTHER_TENANT,
    TENANT_KEY: key,
    DATASET_ID: dataset.id,
    CONFIG_ID: config.id,
    JOB_ID: job.id,
    SESSION_ID: session.name,
    WORKER_ID,
  };
}

/** Characters that no schema forbids and PostgreSQL cannot store get a round of their own. */
async function runAll(document: string, environment: Record<string, string>): Promise<number> {
  const run = (size: string[]): Promise<number> => runSchemathesis(document, environment, size);
  if (isQuick) return run(['--checks', 'all', '--max-examples', '15', '--no-shrink']);
  const first = await run(['--checks', 'all', '--max-examples', '250']);
  const unstorable = ['--generation-allow-x00', 'true', '--phases', 'fuzzing', '--max-examples', '50'];
  const second = await run([...unstorable, '--exclude-checks', 'positive_data_acceptance']);
  return first || second;
}

/** @returns its exit status */
async function runSchemathesis(document: string, environment: Record<string, string>, size: string[]): Promise<number> {
  // The quick round decides whether a change goes in: it makes the same calls each time, and chance has the long one.
  const { SCHEMATHESIS = 'schemathesis', SEED = isQuick ? '1' : undefined } = process.env;
  const config = ['--config-file', inRepo('scripts/schemathesis/schemathesis.toml')];
  const seed = SEED ? ['--seed', SEED] : [];
  const arguments_ = [
    'run',
    `${environment['API_URL']}/${document}`,
    // Several would make other calls each time.
    '--workers',
    '1',
    '--generation-database',
    'none',
  ];
  const child = spawn(SCHEMATHESIS, [...config, ...arguments_, ...seed, ...size, ...extra], {
    stdio: 'inherit',
    cwd: folder,
    env: { ...process.env, ...environment },
  });
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}
