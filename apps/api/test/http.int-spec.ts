import { readdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, waitUntil } from '@influencerai/local';
import { createApp } from '../src/create-app.js';
import { readConfig } from '../src/env.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { openRaw, sendRaw } from './raw-http.js';
import { startTestApp, TENANT, type TestApp } from './test-app.js';

const PAGE = 'https://studio.example';

const preflight = (api: TestApp, origin: string) =>
  api.send('OPTIONS /jobs', {
    tenant: null,
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-tenant-id,idempotency-key',
    },
  });

describe('browsers', () => {
  let api: TestApp;
  beforeAll(async () => {
    api = await startTestApp({ env: { CORS_ORIGINS: `${PAGE}, https://other.example:8443` } });
  });
  afterAll(() => api.close());

  it('should let a listed page ask and read', async () => {
    const asked = await preflight(api, PAGE);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(asked.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
    expect(asked.headers.get('access-control-allow-headers')).toContain('idempotency-key');
    const read = await api.send('GET /jobs', { headers: { origin: PAGE } });
    expect(read.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(read.headers.get('vary')).toContain('Origin');
    expect(read.headers.get('access-control-expose-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['x-total-count', 'x-take', 'retry-after', 'location', 'x-ratelimit-remaining']),
    );
  });

  it('should let a listed page read errors, too', async () => {
    const { status, headers } = await api.send('GET /jobs/x', { tenant: null, headers: { origin: PAGE } });
    expect([status, headers.get('access-control-allow-origin')]).toEqual([401, PAGE]);
  });

  it.each([
    'https://studio.example.evil.example',
    'http://studio.example',
    'https://studio.example:444',
    'http://localhost:5173',
    'null',
  ])('should let no script of %s read', async (origin) => {
    const { headers } = await api.send('GET /jobs', { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect((await preflight(api, origin)).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('should never allow cookies', async () => {
    expect((await preflight(api, PAGE)).headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each(['GET /api', 'GET /jobs', 'GET /nowhere', 'GET /docs/errors', 'GET /api/swagger-ui.css'])(
    'should send the security headers with %s',
    async (route) => {
      const { headers } = await api.send(route);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(headers.get('x-powered-by')).toBeNull();
    },
  );

  it('should run no script in Swagger UI that the policy forbids', async () => {
    const { text } = await api.send('GET /api');
    const scripts = [...text.matchAll(/<script([^>]*)>([^<]*)/g)];
    expect(scripts.length).toBeGreaterThan(1);
    expect(scripts.filter(([, attributes, content]) => !/ src=/.test(` ${attributes}`) || content?.trim())).toEqual([]);
  });
});

describe('browsers without a list', () => {
  it('should serve pages of localhost while developing, and none in production', async () => {
    for (const [environment, expected] of [
      ['development', 'http://localhost:5173'],
      ['production', null],
    ] as const) {
      const api = await startTestApp({ env: { NODE_ENV: environment } });
      const asked = await preflight(api, 'http://localhost:5173');
      expect(asked.headers.get('access-control-allow-origin')).toBe(expected);
      expect(
        (await preflight(api, 'http://localhost.evil.example')).headers.get('access-control-allow-origin'),
      ).toBeNull();
      await api.close();
    }
  });
});

describe('methods', () => {
  let api: TestApp;
  beforeAll(async () => {
    api = await startTestApp();
  });
  afterAll(() => api.close());

  it.each([
    ['DELETE /datasets', 'GET, HEAD, POST'],
    ['PUT /jobs/x', 'GET, HEAD, PATCH'],
    ['POST /jobs/x/artifacts/a.png', 'GET, HEAD, PUT'],
    ['DELETE /health/live', 'GET, HEAD'],
  ])('should answer %s with the methods that there are', async (route, allowed) => {
    const { status, headers, problem } = await api.send(route);
    expect([status, headers.get('allow'), problem.code]).toEqual([405, allowed, 'method_not_allowed']);
  });

  it('should not find what lies below the documentation and is none', async () => {
    const { status, problem } = await api.send('GET /api/training/nothing');
    expect([status, problem.code]).toEqual([404, 'route_not_found']);
  });

  it('should change nothing by GET', async () => {
    const { paths } = (await api.send<{ paths: Record<string, Record<string, unknown>> }>('GET /api-json')).body;
    const verbs = /\/(cancel|delete|stop|start|retry|rerun|claims|heartbeat)$/;
    expect(Object.keys(paths).filter((path) => verbs.test(path) && 'get' in (paths[path] ?? {}))).toEqual([]);
  });
});

describe('requests that are none', () => {
  let api: TestApp;
  beforeAll(async () => {
    api = await startTestApp();
  });
  afterAll(() => api.close());

  const HOST = 'Host: x\r\n';
  const LONG = 'x'.repeat(20_000);

  it.each([
    ['an address of 20 kB', `GET /jobs?type=${LONG} HTTP/1.1\r\n${HOST}\r\n`, 431, 'headers_too_large'],
    ['a header of 20 kB', `GET /jobs HTTP/1.1\r\n${HOST}X-Tenant-Id: ${LONG}\r\n\r\n`, 431, 'headers_too_large'],
    [
      'a thousand headers',
      `GET / HTTP/1.1\r\n${HOST}${'A: 123456789012345\r\n'.repeat(1000)}\r\n`,
      431,
      'headers_too_large',
    ],
    ['a line that is no request', 'hello there\r\n\r\n', 400, 'request_malformed'],
    [
      'two lengths',
      `POST /jobs HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
      400,
      'request_malformed',
    ],
    [
      'a length beside chunks',
      `POST /jobs HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /jobs HTTP/1.1\r\n\r\n`,
      400,
      'request_malformed',
    ],
    ['a negative length', `POST /jobs HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400, 'request_malformed'],
    ['a NUL in a header', `GET /jobs HTTP/1.1\r\n${HOST}X-Tenant-Id: a\0b\r\n\r\n`, 400, 'request_malformed'],
    [
      'a bare line feed in a header',
      `GET /jobs HTTP/1.1\r\n${HOST}X-A: b\nX-Tenant-Id: a\r\n\r\n`,
      400,
      'request_malformed',
    ],
    ['a space before the colon', `GET /jobs HTTP/1.1\r\n${HOST}X-Tenant-Id : a\r\n\r\n`, 400, 'request_malformed'],
    [
      'a chunk that lies',
      `POST /jobs HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`,
      400,
      'request_malformed',
    ],
  ])('should refuse %s and close', async (_, request, status, code) => {
    const answer = await sendRaw(api.url, request);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json`, 's'));
    expect(JSON.parse(body)).toMatchObject({ statusCode: status, code });
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  });

  it('should send no header that a client has smuggled into a value', async () => {
    const { headers } = await api.send('GET /health/live', { headers: { 'x-request-id': 'a%0d%0aset-cookie: b' } });
    expect([headers.get('set-cookie'), headers.get('x-request-id')]).toEqual([
      null,
      expect.stringMatching(/^[0-9a-f-]{36}$/),
    ]);
  });
});

describe('slow clients', () => {
  const PATIENCE_MS = 800;
  let api: TestApp;
  let jobs: JobsFixture;
  beforeAll(async () => {
    api = await startTestApp({
      env: { HEADERS_TIMEOUT_MS: String(PATIENCE_MS), SLOW_CLIENT_MS: String(PATIENCE_MS), MAX_CONNECTIONS: '300' },
    });
    jobs = await JobsFixture.create(api);
  });
  afterAll(() => api.close());

  /** Sends a byte now and then until the server has had enough. */
  const trickle = async (head: string, bytes: string): Promise<string> => {
    const { socket, ended } = await openRaw(api.url);
    socket.write(head);
    const timer = setInterval(() => socket.write(bytes), PATIENCE_MS / 8);
    return ended.finally(() => clearInterval(timer));
  };
  const HEAD = `HTTP/1.1\r\nHost: x\r\nX-Tenant-Id: ${TENANT}\r\n`;

  it('should give up on headers that trickle in', async () => {
    expect(await trickle('GET /jobs HTTP/1.1\r\nHost: x\r\nX-A: ', 'a')).toMatch(
      /^HTTP\/1.1 408 .*"request_timed_out"/s,
    );
  });

  it('should give up on a connection that says nothing, and on two hundred', async () => {
    const open = await Promise.all(Array.from({ length: 200 }, () => openRaw(api.url)));
    expect((await api.send('GET /health/live')).status).toBe(200);
    const answers = await Promise.all(open.map(({ ended }) => ended));
    expect(answers.filter((answer) => !answer.startsWith('HTTP/1.1 408 '))).toEqual([]);
  });

  it('should give up on a JSON body that trickles in', async () => {
    const head = `POST /lora-configs ${HEAD}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"name":"`;
    expect(await trickle(head, 'a')).toMatch(/^HTTP\/1.1 408 .*"request_timed_out"/s);
    expect((await api.send('GET /lora-configs')).headers.get('x-total-count')).toBe('1');
  });

  it('should give up on an upload that trickles in, and keep none of it', async () => {
    const { id } = await jobs.submit();
    await jobs.patch(id, { status: 'running' });
    const path = `/jobs/${id}/artifacts/a.safetensors?attempt=1&kind=checkpoint`;
    const head = `PUT ${path} ${HEAD}Content-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\n`;
    expect(await trickle(head, 'abc')).toMatch(/^HTTP\/1.1 408 /);
    expect((await api.send<{ data: unknown[] }>(`GET /jobs/${id}/artifacts`)).body.data).toEqual([]);
    const parts = async () =>
      (await readdir(api.dataRoot, { recursive: true })).filter((name) => name.endsWith('.part'));
    await waitUntil(async () => (await parts()).length === 0, { what: 'its part to be swept', timeoutMs: 20_000 });
  });

  it('should let an upload go on for as long as it moves', async () => {
    const { id } = await jobs.submit();
    await jobs.patch(id, { status: 'running' });
    const { socket, ended } = await openRaw(api.url);
    const parts = 12;
    const part = Buffer.alloc(4096);
    socket.write(
      `PUT /jobs/${id}/artifacts/a.safetensors?attempt=1&kind=checkpoint ${HEAD}Connection: close\r\n` +
        `Content-Type: application/octet-stream\r\nContent-Length: ${parts * part.length}\r\n\r\n`,
    );
    let sent = 0;
    const timer = setInterval(() => (sent++ < parts ? socket.write(part) : clearInterval(timer)), PATIENCE_MS / 4);
    expect(await ended).toMatch(/^HTTP\/1.1 200 /);
  });

  it('should not blame clients for a time in which it was itself held up', async () => {
    const { socket, ended } = await openRaw(api.url);
    const body = JSON.stringify({ name: 'sent while the server was busy', modelName: 'sdxl' });
    const head = `POST /lora-configs ${HEAD}Connection: close\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: ${9000 + body.length}\r\n\r\n${' '.repeat(1000)}`);
    // Until it has been read.
    await api.send('GET /health/live');
    socket.write(' '.repeat(8000));
    const heldUpUntil = Date.now() + 1.5 * PATIENCE_MS;
    while (Date.now() < heldUpUntil);
    socket.write(body);
    expect(await ended).toMatch(/^HTTP\/1.1 201 /);
  });

  it('should end an answer that nobody reads', async () => {
    const { id } = await jobs.submit();
    await jobs.patch(id, { status: 'running' });
    const stored = await fetch(`${api.url}/jobs/${id}/artifacts/big.bin?attempt=1&kind=file`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'x-tenant-id': TENANT },
      body: Buffer.alloc(32 * 1024 * 1024),
    });
    expect(stored.status).toBe(200);
    const before = await openConnections();
    const { socket, ended } = await openRaw(api.url);
    socket.pause();
    socket.write(`GET /jobs/${id}/artifacts/big.bin ${HEAD}\r\n`);
    await waitUntil(async () => (await openConnections()) <= before, { what: 'the end of it', timeoutMs: 20_000 });
    socket.resume();
    expect((await ended).length).toBeLessThan(32 * 1024 * 1024);
  });

  it('should keep an event stream that is quiet', async () => {
    const { id } = await jobs.submit();
    const { socket, ended } = await openRaw(api.url);
    socket.write(`GET /jobs/${id}/events ${HEAD}Connection: close\r\n\r\n`);
    // Another connection, opened later and cut off, shows that the limit has passed.
    expect(await trickle('GET /jobs HTTP/1.1\r\nHost: x\r\nX-A: ', 'a')).toContain('408');
    await api.send(`POST /jobs/${id}/cancel`);
    expect(await ended).toContain('"to":"cancelled"');
  });

  it('should close connections beyond the limit', async () => {
    const open = await Promise.all(Array.from({ length: 320 }, () => openRaw(api.url)));
    const answers = await Promise.all(open.map(({ ended }) => ended));
    expect(answers.filter((answer) => answer === '').length).toBeGreaterThanOrEqual(20);
  });

  const openConnections = (): Promise<number> =>
    new Promise((resolve) => (api.app.getHttpServer() as Server).getConnections((_, count) => resolve(count)));
});

describe('proxies', () => {
  it.each([
    ['127.0.0.1, ::1', '203.0.113.7'],
    ['10.0.0.0/8', '127.0.0.1'],
    ['', '127.0.0.1'],
  ])('should take the address of the client from listed proxies alone: %j', async (trusted, expected) => {
    const database = await createTestDatabase();
    const app = await createApp(
      readConfig({ DATABASE_URL: database.url, DATA_ROOT: tmpdir(), LOG_LEVEL: 'silent', TRUST_PROXY: trusted }),
    );
    const server = app.getHttpAdapter().getInstance();
    const seen: string[] = [];
    server.addHook('onRequest', (request, _reply, done) => {
      seen.push(request.ip);
      done();
    });
    await app.init();
    await server.inject({
      url: '/health/live',
      remoteAddress: '127.0.0.1',
      headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' },
    });
    await app.close();
    await database.drop();
    expect(seen).toEqual([expected]);
  });
});

describe('shutdown', () => {
  it('should end event streams, of people and of workers', async () => {
    const api = await startTestApp();
    const { id } = await (await JobsFixture.create(api)).submit();
    const worker = await new HttpWorker(api).register();
    const open = (path: string) => fetch(api.url + path, { headers: { 'x-tenant-id': TENANT } });
    const streams = await Promise.all([open(`/jobs/${id}/events`), open(`/workers/${worker.id}/control`)]);
    const closed = api.close();
    for (const stream of streams) expect(await stream.text()).toContain('retry:');
    await closed;
  });

  it('should not wait for a connection whose answer ended meanwhile', async () => {
    const api = await startTestApp();
    const { id } = await (await JobsFixture.create(api)).submit();
    await new HttpWorker(api).register().then((worker) => worker.claim());
    const url = `${api.url}/jobs/${id}/artifacts/big.bin`;
    const headers = { 'content-type': 'application/octet-stream', 'x-tenant-id': TENANT };
    const body = Buffer.alloc(32 * 1024 * 1024);
    await fetch(`${url}?attempt=1&kind=file`, { method: 'PUT', headers, body });
    const download = await fetch(url, { headers: { 'x-tenant-id': TENANT } });
    const closed = api.close();
    expect((await download.arrayBuffer()).byteLength).toBe(body.length);
    // The test's own time limit is shorter than the time for which an idle connection is kept.
    await closed;
  });
});
