import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiKey, NewApiKey, Page, Scope } from '@influencerai/shared';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { readConfig } from '../src/env.js';
import { mintKey } from '../src/auth/api-key.js';
import { OTHER_TENANT, startReplica, startTestApp, TENANT, type TestApp } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

const ISSUER = 'https://login.example';
const AUDIENCE = 'training';
const SECRET = 'a secret of more than thirty-two characters';

let api: TokenApp;
beforeAll(
  async () =>
    void (api = await startTokenApp({ env: { JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, JWT_SECRET: SECRET } })),
);
afterAll(() => api.close());

describe('API keys', () => {
  it.each([
    ['nothing', {}, 'credentials_missing'],
    ['the development header alone', { 'x-tenant-id': TENANT }, 'credentials_missing'],
    ['another scheme', { authorization: 'Basic dGVzdA==' }, 'credentials_invalid'],
    ['a key that was never made', { authorization: `Bearer ${mintKey().key}` }, 'credentials_invalid'],
    ['a mistyped key', { authorization: 'Bearer iak_abc' }, 'credentials_invalid'],
    ['words', { authorization: 'Bearer hello' }, 'credentials_invalid'],
  ])('should refuse %s', async (_, headers, code) => {
    const answer = await api.send('GET /jobs', { tenant: null, headers });
    expect(answer).toMatchObject({ status: 401, problem: { code } });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('should let a key see the data of its tenant alone, by either header', async () => {
    const { key } = await api.makeKey(['read', 'write']);
    const other = await api.makeKey(['read', 'write'], { tenant: OTHER_TENANT });
    const body = { name: 'mine', modelName: 'sd15' };
    const created = await api.send<{ id: string; tenantId: string }>('POST /lora-configs', { key, body });
    expect(created).toMatchObject({ status: 201, body: { tenantId: TENANT } });
    const route = `GET /lora-configs/${created.body.id}`;
    expect((await api.send(route, { tenant: null, headers: { 'x-api-key': key } })).status).toBe(200);
    expect((await api.send(route, { key: other.key })).status).toBe(404);
  });

  it('should refuse a header that names another tenant than the key', async () => {
    const { key } = await api.makeKey(['read']);
    expect((await api.send('GET /jobs', { key, tenant: TENANT })).status).toBe(200);
    expect(await api.send('GET /jobs', { key, tenant: OTHER_TENANT })).toMatchObject({
      status: 403,
      problem: { code: 'tenant_mismatch' },
    });
  });

  it.each<[string, Scope[]]>([
    ['GET /jobs', ['write', 'admin']],
    ['POST /jobs', ['read', 'admin']],
    ['GET /api-keys', ['read', 'write']],
    ['GET /users', ['read', 'write']],
  ])('should ask for the scope of %s', async (route, scopes) => {
    const { key } = await api.makeKey(scopes);
    expect(await api.send(route, { key })).toMatchObject({ status: 403, problem: { code: 'scope_missing' } });
  });

  it.each(['POST /workers', 'GET /tenants', 'GET /metrics'])('should keep %s for operators', async (route) => {
    const { key } = await api.makeKey(['read', 'write', 'admin']);
    expect(await api.send(route, { key })).toMatchObject({ status: 403, problem: { code: 'operator_only' } });
  });

  it('should show a key once and keep no secret', async () => {
    const created = await api.makeKey(['admin']);
    const listed = await api.send<Page<ApiKey>>('GET /api-keys', { key: created.key });
    expect(listed.body.data.find(({ id }) => id === created.id)).toMatchObject({ prefix: created.key.slice(0, 16) });
    expect(listed.text).not.toContain(created.key.slice(20));
    expect(listed.text).not.toMatch(/hash/i);
  });

  it('should refuse a revoked key and one of a disabled user or tenant', async () => {
    const revoked = await api.makeKey(['read']);
    await api.send(`DELETE /api-keys/${revoked.id}`, { key: api.operatorKey, tenant: TENANT });
    expect(await api.send('GET /jobs', { key: revoked.key })).toMatchObject({ status: 401 });

    await api.send('POST /users', { key: api.operatorKey, tenant: OTHER_TENANT, body: { id: 'ada' } });
    const ada = await api.makeKey(['read'], { tenant: OTHER_TENANT, userId: 'ada' });
    expect((await api.send('GET /jobs', { key: ada.key })).status).toBe(200);
    await api.send('PATCH /users/ada', { key: api.operatorKey, tenant: OTHER_TENANT, body: { isDisabled: true } });
    expect(await api.send('GET /jobs', { key: ada.key })).toMatchObject({ problem: { code: 'user_disabled' } });

    await api.send('POST /tenants', { key: api.operatorKey, body: { id: 'gone' } });
    const gone = await api.makeKey(['read'], { tenant: 'gone' });
    await api.send('PATCH /tenants/gone', { key: api.operatorKey, body: { isDisabled: true } });
    expect(await api.send('GET /jobs', { key: gone.key })).toMatchObject({ problem: { code: 'tenant_disabled' } });
  });

  it('should refuse an expired key and say so only to who has the secret', async () => {
    const expired = await api.makeKey(['read'], { expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await expire(api, expired.id);
    expect(await api.send('GET /jobs', { key: expired.key })).toMatchObject({
      problem: { code: 'credentials_expired' },
    });
    const { key: guessed } = mintKey(expired.prefix.slice(4));
    expect(await api.send('GET /jobs', { key: guessed })).toMatchObject({ problem: { code: 'credentials_invalid' } });
  });

  it('should refuse a key that would expire in the past, and a worker key for a tenant', async () => {
    const make = (body: object) =>
      api.send('POST /api-keys', { key: api.operatorKey, tenant: TENANT, body: { name: 'k', ...body } });
    expect(await make({ expiresAt: '2020-01-01T00:00:00.000Z' })).toMatchObject({ status: 400 });
    expect(await make({ scopes: ['worker'] })).toMatchObject({ status: 400 });
    expect(await make({ userId: 'nobody' })).toMatchObject({ status: 404, problem: { code: 'user_not_found' } });
  });

  it('should note when a key was used', async () => {
    const { key, id } = await api.makeKey(['read', 'admin']);
    await api.send('GET /jobs', { key });
    const used = async () => (await api.send<ApiKey>(`GET /api-keys/${id}`, { key })).body.lastUsedAt;
    while ((await used()) === null);
    expect(await used()).toMatch(/^20/);
  });
});

describe('POST /api-keys/:keyId/rotate', () => {
  it('should let the old secret live for the overlap', async () => {
    const old = await api.makeKey(['read']);
    const rotate = (overlapSeconds: number) =>
      api.send<NewApiKey>(`POST /api-keys/${old.id}/rotate`, {
        key: api.operatorKey,
        tenant: TENANT,
        body: { overlapSeconds },
      });
    const { body: second } = await rotate(60);
    expect(second).toMatchObject({ id: old.id, prefix: old.prefix });
    for (const key of [old.key, second.key]) expect((await api.send('GET /jobs', { key })).status).toBe(200);
    const { body: third } = await rotate(0);
    expect(await api.send('GET /jobs', { key: old.key })).toMatchObject({ problem: { code: 'credentials_invalid' } });
    expect(await api.send('GET /jobs', { key: second.key })).toMatchObject({
      problem: { code: 'credentials_expired' },
    });
    expect((await api.send('GET /jobs', { key: third.key })).status).toBe(200);
  });

  it('should fail no request while a key is rotated under load', async () => {
    const made = await api.makeKey(['read']);
    let { key } = made;
    let isDone = false;
    const answers: number[][] = [[], [], [], []];
    const clients = answers.map(async (own) => {
      while (!isDone) own.push((await api.send('GET /jobs', { key })).status);
    });
    for (let turn = 0; turn < 10; turn += 1) {
      const rotated = await api.send<NewApiKey>(`POST /api-keys/${made.id}/rotate`, {
        key: api.operatorKey,
        tenant: TENANT,
        body: { overlapSeconds: 60 },
      });
      key = rotated.body.key;
      // Until everybody has the new secret: of the old ones only the last is kept.
      const seen = answers.map(({ length }) => length);
      while (answers.some(({ length }, client) => length < seen[client]! + 2)) await api.send('GET /health/live');
    }
    isDone = true;
    await Promise.all(clients);
    const statuses = new Set(answers.flat());
    expect([...statuses]).toEqual([200]);
  });

  it('should not touch a key of another tenant', async () => {
    const other = await api.makeKey(['read'], { tenant: OTHER_TENANT });
    const admin = await api.makeKey(['admin']);
    for (const route of [
      `GET /api-keys/${other.id}`,
      `DELETE /api-keys/${other.id}`,
      `POST /api-keys/${other.id}/rotate`,
    ]) {
      const answer = await api.send(route, { key: admin.key, ...(route.startsWith('POST') && { body: {} }) });
      expect(answer).toMatchObject({ status: 404, problem: { code: 'api_key_not_found' } });
    }
  });
});

describe('tokens', () => {
  const sign = (claims: object, { secret = SECRET, expires = '5m', issuer = ISSUER, audience = AUDIENCE } = {}) =>
    new SignJWT({ tenant_id: TENANT, scope: 'read write', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject('ada')
      .setExpirationTime(expires)
      .sign(new TextEncoder().encode(secret));

  it('should be believed for the tenant and the scopes that they name', async () => {
    expect((await api.send('GET /jobs', { key: await sign({}) })).status).toBe(200);
    expect(await api.send('POST /lora-configs', { key: await sign({ scope: ['read'] }), body: {} })).toMatchObject({
      problem: { code: 'scope_missing' },
    });
    expect(await api.send('GET /jobs', { key: await sign({}), tenant: OTHER_TENANT })).toMatchObject({ status: 403 });
  });

  it.each([
    ['a wrong signature', () => sign({}, { secret: 'another secret of more than thirty-two' }), 'credentials_invalid'],
    ['another issuer', () => sign({}, { issuer: 'https://evil.example' }), 'credentials_invalid'],
    ['another audience', () => sign({}, { audience: 'billing' }), 'credentials_invalid'],
    ['no tenant', () => sign({ tenant_id: undefined }), 'credentials_invalid'],
    ['a tenant that there is not', () => sign({ tenant_id: 'nowhere' }), 'credentials_invalid'],
    ['a tenant that is no name', () => sign({ tenant_id: ['a'] }), 'credentials_invalid'],
    ['an end in the past', () => sign({}, { expires: '-1m' }), 'credentials_expired'],
    [
      'no signature at all',
      () => Promise.resolve(`${toPart({ alg: 'none' })}.${toPart({ tenant_id: TENANT, exp: 9e9 })}.`),
      'credentials_invalid',
    ],
  ])('should be refused with %s', async (_, make, code) => {
    expect(await api.send('GET /jobs', { key: await make() })).toMatchObject({ status: 401, problem: { code } });
  });

  it('should never make a worker or an operator', async () => {
    const key = await sign({ scope: 'read write admin worker' });
    expect(await api.send('POST /workers', { key })).toMatchObject({ problem: { code: 'operator_only' } });
    expect(await api.send('GET /tenants', { key })).toMatchObject({ problem: { code: 'operator_only' } });
  });
});

describe('tokens of an issuer that publishes its keys', () => {
  let issuer: Server;
  let jwks: TestApp;
  let privateKey: CryptoKey;
  let isAway = false;

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256');
    privateKey = pair.privateKey;
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' }] });
    issuer = createServer((_request, response) => (isAway ? response.destroy() : response.end(keys)));
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks.json`;
    jwks = await startTestApp({
      env: {
        AUTH_MODE: 'token',
        JWT_ISSUER: ISSUER,
        JWT_AUDIENCE: AUDIENCE,
        JWT_JWKS_URL: url,
        OPERATOR_KEY: mintKey().key,
      },
    });
  });
  afterAll(async () => {
    await jwks.close();
    issuer.close();
  });

  const sign = () =>
    new SignJWT({ tenant_id: TENANT, scope: 'read' })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime('5m')
      .sign(privateKey);

  it('should say that the service is away when the keys cannot be had, then believe the token', async () => {
    isAway = true;
    expect((await jwks.send('GET /jobs', { key: await sign() })).status).toBe(503);
    isAway = false;
    // There is no such tenant: the signature was believed, the tenant was not.
    expect((await jwks.send('GET /jobs', { key: await sign() })).problem.code).toBe('credentials_invalid');
  });

  it('should not take a public key for a shared secret', async () => {
    const forged = await new SignJWT({ tenant_id: TENANT, scope: 'read' })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode('anything that is long enough to sign'));
    expect((await jwks.send('GET /jobs', { key: forged })).status).toBe(401);
  });
});

describe('operators', () => {
  it('should act for the tenant that they name, if there is one', async () => {
    expect((await api.send('GET /jobs', { key: api.operatorKey, tenant: TENANT })).status).toBe(200);
    expect(await api.send('GET /jobs', { key: api.operatorKey })).toMatchObject({
      problem: { code: 'tenant_missing' },
    });
    expect(await api.send('GET /jobs', { key: api.operatorKey, tenant: 'nowhere' })).toMatchObject({
      status: 404,
      problem: { code: 'tenant_not_found' },
    });
  });

  it('should refuse a tenant twice and limits that make no sense', async () => {
    expect(await api.send('POST /tenants', { key: api.operatorKey, body: { id: TENANT } })).toMatchObject({
      status: 409,
      problem: { code: 'tenant_exists' },
    });
    const body = { maxConcurrentJobs: -1 };
    expect(await api.send(`PATCH /tenants/${TENANT}`, { key: api.operatorKey, body })).toMatchObject({ status: 400 });
    expect(await api.send('GET /tenants/%00', { key: api.operatorKey })).toMatchObject({ status: 404 });
  });
});

describe('the keys of the settings', () => {
  it('should end when another takes their place', async () => {
    const api = await startTokenApp();
    const newer = mintKey().key;
    const env = { AUTH_MODE: 'token', OPERATOR_KEY: newer, WORKER_KEY: api.workerKey, CREDENTIAL_CACHE_MS: '0' };
    const replica = await startReplica(api, env);
    const statusOf = async (key: string) => (await replica.send('GET /tenants', { key, tenant: null })).status;
    expect([await statusOf(newer), await statusOf(api.operatorKey)]).toEqual([200, 401]);
    const held = await replica.send('POST /workers', { key: api.workerKey, tenant: null, body: {} });
    expect(held.status).toBe(400);
    await replica.close();
    await api.close();
  });
});

describe('the settings', () => {
  const read = (env: NodeJS.ProcessEnv) => () => readConfig({ DATABASE_URL: 'postgres://localhost/x', ...env });

  it('should not let a public server in production trust a header', () => {
    expect(read({ NODE_ENV: 'production', HOST: '0.0.0.0' })).toThrow(/AUTH_MODE/);
    expect(read({ NODE_ENV: 'production', HOST: '::' })).toThrow(/AUTH_MODE/);
    expect(read({ NODE_ENV: 'production', HOST: '0.0.0.0', AUTH_MODE: 'token' })).not.toThrow();
    expect(read({ NODE_ENV: 'production', HOST: '127.0.0.1' })).not.toThrow();
  });

  it.each([
    [{ JWT_ISSUER: ISSUER }, /JWT_AUDIENCE[\s\S]*JWT_JWKS_URL/],
    [{ JWT_SECRET: SECRET }, /JWT_ISSUER/],
    [{ OPERATOR_KEY: 'secret' }, /OPERATOR_KEY/],
    [
      { NODE_ENV: 'production', JWT_JWKS_URL: 'http://id.example/keys', JWT_ISSUER: ISSUER },
      /JWT_JWKS_URL: must be https/,
    ],
  ])('should refuse %j', (env, message) => expect(read(env)).toThrow(message));
});

const toPart = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function expire({ app }: TestApp, id: string): Promise<void> {
  const { Database } = await import('../src/database/database.js');
  await app.get(Database).pool.query(`update api_key set expires_at = now() - interval '1 second' where id = $1`, [id]);
}
