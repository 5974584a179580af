import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createTestDatabase } from '@influencerai/local';
import type { ErrorBody } from '@influencerai/shared';
import { createApp } from '../src/create-app.js';
import { readConfig } from '../src/env.js';
import { TenantRoots } from '../src/storage/tenant-roots.js';

export const TENANT = 'tenant_demo';
export const OTHER_TENANT = 'tenant_other';

export interface TestRequest {
  /** `null` sends no tenant; with a key none is sent unless it is named. */
  tenant?: string | null;
  /** API key or token. */
  key?: string;
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent as it is, as JSON too. */
  body?: unknown;
}

export interface TestResponse<T = unknown> {
  status: number;
  headers: Headers;
  /** The bytes as text. */
  text: string;
  /** Parsed when the answer is JSON, else undefined. */
  body: T;
  /** The same, as an error. */
  problem: ErrorBody;
}

export interface TestApp {
  app: NestFastifyApplication;
  /** Where it listens, without a slash at the end. */
  url: string;
  database: { url: string };
  /** An empty folder of its own: what clients call `data/`. */
  dataRoot: string;
  /** What `data/` stands for when a tenant says it. */
  folderOf(tenant: string): string;
  /** One request over HTTP, as `tenant_demo` unless told otherwise: `api.send('GET /jobs/1')`. */
  send<T = unknown>(route: string, request?: TestRequest): Promise<TestResponse<T>>;
  close(): Promise<void>;
}

/** The whole API, listening on a free port, on a database and a data folder of its own. */
export async function startTestApp({ env = {} }: { env?: NodeJS.ProcessEnv } = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  const dataRoot = await mkdtemp(join(tmpdir(), 'api-test-'));
  const replica = await startReplica({ database, dataRoot }, env);
  const close = async (): Promise<void> => {
    await replica.close();
    await Promise.all([database.drop(), rm(dataRoot, { recursive: true, force: true })]);
  };
  return { ...replica, close };
}

/** One more API on the database and the data folder of another, which must be closed after it. */
export async function startReplica(
  { database, dataRoot }: Pick<TestApp, 'database' | 'dataRoot'>,
  env: NodeJS.ProcessEnv = {},
): Promise<TestApp> {
  const app = await createApp(
    readConfig({
      DATABASE_URL: database.url,
      DATA_ROOT: dataRoot,
      PORT: '0',
      LOG_LEVEL: 'silent',
      // The stricter way: what passes with it passes without.
      ROW_SECURITY: 'on',
      RATE_LIMITS: 'off',
      // Hardly any test sends heartbeats for the jobs that it claims.
      LEASE_MS: '600000',
      ...env,
    }),
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
  return {
    app,
    url,
    database,
    dataRoot,
    folderOf: (tenant) => join(dataRoot, app.get(TenantRoots).rootOf(tenant)),
    send: (route, request) => send(url, route, request),
    close: () => app.close(),
  };
}

async function send<T>(
  url: string,
  route: string,
  { key, tenant = key === undefined ? TENANT : null, headers = {}, body }: TestRequest = {},
): Promise<TestResponse<T>> {
  const [method, path] = route.split(/ (.*)/s) as [string, string];
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(tenant !== null && { 'x-tenant-id': tenant }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const isJson = text !== '' && /[/+]json/.test(response.headers.get('content-type') ?? '');
  const parsed: unknown = isJson ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, body: parsed as T, problem: parsed as ErrorBody };
}
