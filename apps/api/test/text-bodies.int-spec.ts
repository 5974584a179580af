import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openRaw, type RawConnection } from './raw-http.js';
import { OTHER_TENANT, startTestApp, TENANT } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

const NATIVE = 'POST /datasets/texts';
const FACE = 'POST /api/training/data/upload';
const SMALL_BYTES = 1024;
/** Refused as JSON by whoever reads it. */
const UNREADABLE = 'x'.repeat(4 * SMALL_BYTES);
const READABLE = { texts: ['word '.repeat(SMALL_BYTES)] };

const ENV = { BODY_LIMIT_BYTES: String(SMALL_BYTES), TEXTS_BODY_SLOTS: '2' };

let api: TokenApp;
let key: string;
let otherKey: string;
beforeAll(async () => {
  api = await startTokenApp({
    env: { ...ENV, RATE_LIMITS: 'on', RATE_LIMIT_WRITES: '1000', RATE_LIMIT_FAILED_LOGINS: '3' },
  });
  ({ key } = await api.makeKey(['read', 'write']));
  ({ key: otherKey } = await api.makeKey(['read', 'write'], { tenant: OTHER_TENANT }));
});
afterAll(() => api.close());

/** Sends a body whose length only its end tells. */
const sendInChunks = async (route: string) => {
  const body = new Blob([UNREADABLE]).stream();
  const headers = { 'content-type': 'application/json' };
  return fetch(api.url + route.split(' ')[1]!, { method: 'POST', headers, body, duplex: 'half' });
};

/** Begins a large body and holds it back once the server has the headers. */
const beginLarge = async (credential: string): Promise<RawConnection> => {
  const connection = await openRaw(api.url);
  const head = [
    'POST /datasets/texts HTTP/1.1',
    'host: test',
    `authorization: Bearer ${credential}`,
    'content-type: application/json',
    `content-length: ${UNREADABLE.length}`,
    'expect: 100-continue',
  ];
  connection.socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await once(connection.socket, 'data');
  return connection;
};

/** Hangs up, and waits until a body of the same tenant is read again. */
const giveUp = async ({ socket }: RawConnection, credential: string): Promise<void> => {
  socket.destroy();
  let status = 429;
  while (status === 429) ({ status } = await api.send(NATIVE, { key: credential, body: READABLE }));
  expect(status).toBe(201);
};

describe('a large body', () => {
  it('should not be read before its sender is known', async () => {
    const announced = await api.send(NATIVE, { tenant: null, body: UNREADABLE });
    expect([announced.status, announced.problem.code]).toEqual([401, 'credentials_missing']);
    expect((await sendInChunks(NATIVE)).status).toBe(401);
  });

  it('should be refused in the words of the face', async () => {
    const { status, body, headers } = await api.send(FACE, { tenant: null, body: UNREADABLE });
    expect([status, body]).toEqual([401, { error: expect.any(String) }]);
    expect([headers.get('www-authenticate'), headers.get('x-request-id')]).toEqual([
      expect.stringContaining('Bearer'),
      expect.stringMatching(/./),
    ]);
  });

  it('should be read where the key is good', async () => {
    expect((await api.send(NATIVE, { key, body: READABLE })).status).toBe(201);
    expect((await api.send(NATIVE, { key, body: UNREADABLE })).problem.code).toBe('body_malformed');
    expect((await api.send(FACE, { key, body: { train_texts: READABLE.texts } })).status).toBe(200);
  });

  it('should leave others room to send theirs, and be refused where there is none', async () => {
    const [mine, others] = [await beginLarge(key), await beginLarge(otherKey)];
    const refused = await api.send(NATIVE, { key, body: READABLE });
    expect([refused.status, refused.problem.code]).toEqual([429, 'text_bodies_exhausted']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    const small = await api.send(NATIVE, { key, body: { texts: ['short'] } });
    expect(small.status).toBe(201);
    await Promise.all([giveUp(mine, key), giveUp(others, otherKey)]);
  });

  it('should take no more than half of the room for one tenant', async () => {
    const mine = await beginLarge(key);
    expect((await api.send(NATIVE, { key, body: READABLE })).problem.code).toBe('text_bodies_exhausted');
    expect((await api.send(NATIVE, { key: otherKey, body: READABLE })).status).toBe(201);
    await giveUp(mine, key);
  });

  it('should count a wrong key once', async () => {
    const wrong = () => api.send(NATIVE, { key: 'iak_wrong', body: UNREADABLE });
    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await wrong()).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  it('should be taken from whoever names a tenant in development', async () => {
    const trusting = await startTestApp({ env: ENV });
    try {
      expect((await trusting.send(NATIVE, { tenant: TENANT, body: READABLE })).status).toBe(201);
      const body = { train_texts: READABLE.texts };
      expect((await trusting.send(FACE, { tenant: null, body })).status).toBe(200);
    } finally {
      await trusting.close();
    }
  });
});
