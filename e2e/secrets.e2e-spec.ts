import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createTestDatabase,
  freePort,
  REPO_ROOT,
  type ScratchDatabase,
  waitUntil,
  withClient,
} from '@influencerai/local';
import { mintKey } from '../apps/api/src/auth/api-key.js';
import { Service } from './support/service.js';

const TENANT = 'tenant_demo';
/** Secrets that are sent where one might send them by mistake, and that must turn up nowhere. */
const CANARY = 'canary-7f3a9c51e2';
const JWT_SECRET = `jwt-${CANARY}-that-is-long-enough-for-the-rule`;

describe('secrets', () => {
  const [operator, worker, unknown] = [mintKey().key, mintKey().key, mintKey().key];
  const secrets = [CANARY, ...[operator, worker, unknown].map((key) => key.slice(-20))];
  const answers: string[] = [];
  const services: Service[] = [];
  let folder: string;
  let database: ScratchDatabase;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'secrets-test-'));
    database = await createTestDatabase();
    await mkdir(path.join(folder, 'data'));
    const port = String(await freePort());
    url = `http://127.0.0.1:${port}`;
    await start('api', {
      DATABASE_URL: database.url,
      DATA_ROOT: path.join(folder, 'data'),
      PORT: port,
      AUTH_MODE: 'token',
      OPERATOR_KEY: operator,
      WORKER_KEY: worker,
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'training',
      JWT_SECRET,
      LINK_SECRET: `link-${CANARY}-that-is-long-enough-for-the-rule`,
    });
    await call('POST /tenants', { authorization: `Bearer ${operator}` }, JSON.stringify({ id: TENANT }));
  });
  afterAll(async () => {
    for (const service of services) await service.stop('SIGKILL');
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('should be refused without being repeated', async () => {
    const known = { authorization: `Bearer ${operator}`, 'x-tenant-id': TENANT };
    const wrong: Record<string, string>[] = [
      { authorization: `Bearer ${CANARY}` },
      { authorization: `Bearer ${unknown}` },
      { authorization: `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`, 'x-api-key': CANARY },
      { authorization: `Bearer e30.${Buffer.from(JSON.stringify({ sub: CANARY })).toString('base64url')}.${CANARY}` },
      { cookie: `session=${CANARY}`, 'x-api-key': CANARY, 'x-tenant-id': TENANT },
    ];
    for (const headers of wrong) expect(await call('GET /jobs', headers)).toBe(401);
    expect(await call(`GET /jobs?token=${CANARY}&api_key=${CANARY}`, known)).toBe(400);
    expect(await call(`GET /jobs/x/events?after=1&access_token=${CANARY}`, known)).toBe(400);
    expect(await call(`GET /downloads/${TENANT}/job/a.png?sha256=0&expires=1999999999&signature=${CANARY}`, {})).toBe(
      403,
    );
    for (const body of [
      `{"kind":"lora-training","path":"data/x","password":"${CANARY}"}`,
      `{"kind":"${CANARY}","path":"data/x"}`,
      `{"kind":"lora-training","token":"${CANARY}"`,
      `{"a":"${CANARY}","a":"${CANARY}"}`,
    ]) {
      expect(await call('POST /datasets', known, body)).toBe(400);
    }
    expect(answers.filter(leaks)).toEqual([]);
  });

  it('should not stand in the log of a worker that may not come in', async () => {
    const log = await start('worker', {
      API_URL: url,
      API_KEY: unknown,
      DATA_ROOT: path.join(folder, 'data'),
      WORKER_DIR: path.join(folder, 'worker'),
    });
    const laterLines = () => log.output.join('').split('\n').slice(1).join('');
    await waitUntil(() => /API/.test(laterLines()), {
      what: 'what it says of the API',
      timeoutMs: 60_000,
    });
    expect(log.output.filter(leaks)).toEqual([]);
  });

  it('should not stand in the log of the API at its most talkative', () => {
    const log = services[0]?.output.join('') ?? '';
    // It is talkative, or this would prove nothing.
    expect(log).toContain('"path":"/jobs"');
    expect(log.split('\n').filter(leaks)).toEqual([]);
  });

  it('should stand in no table and in no file', async () => {
    const tables = await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'bullmq')",
      );
      const texts = await Promise.all(
        rows.map(({ name }) => client.query<{ row: string }>(`select t::text as row from ${name} t`)),
      );
      return texts.flatMap((result) => result.rows.map(({ row }) => row));
    });
    expect(tables.length).toBeGreaterThan(2);
    expect(tables.filter(leaks)).toEqual([]);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    const contents = await Promise.all(files.map((file) => readFile(file, 'latin1')));
    expect(files.filter((_, i) => leaks(contents[i] ?? ''))).toEqual([]);
  });

  const leaks = (text: string): boolean => secrets.some((secret) => text.includes(secret));

  async function start(name: 'api' | 'worker', environment: Record<string, string>): Promise<Service> {
    const isUp = () =>
      fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    const isReady = () => (name === 'worker' ? Promise.resolve(true) : isUp());
    const service = new Service(
      name,
      path.join(REPO_ROOT, `apps/${name}/dist/main.js`),
      { LOG_LEVEL: 'trace', ...environment },
      path.join(folder, `${name}.log`),
      isReady,
    );
    services.push(service);
    await service.start();
    return service;
  }

  async function call(route: string, headers: Record<string, string>, body?: string): Promise<number> {
    const [method, target] = route.split(' ');
    const response = await fetch(url + target, {
      method: method ?? 'GET',
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body }),
    });
    answers.push([...response.headers].join('\n') + (await response.text()));
    return response.status;
  }
});
