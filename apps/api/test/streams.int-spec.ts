import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { JobsFixture } from './jobs-fixture.js';
import { startTestApp, TENANT, type TestApp } from './test-app.js';
import { startTokenApp } from './token-app.js';

describe('open streams', () => {
  let api: TestApp;
  let fixture: JobsFixture;
  let path: string;
  beforeAll(async () => {
    api = await startTestApp({ env: { MAX_EVENT_STREAMS: '2' } });
    fixture = await JobsFixture.create(api, 'tenant_streams');
    path = `/jobs/${(await fixture.submit()).id}/events`;
  });
  afterAll(() => api.close());

  it('should be limited, and be free again when their clients leave', async () => {
    const clients = [await follow(), await follow()];
    expect([clients[0]?.status, clients[1]?.status, (await follow()).status]).toEqual([200, 200, 429]);
    for (const client of clients) client.leave();
    expect(await untilFree()).toBe(200);
  });

  it('should be free again when clients leave before anything is sent', async () => {
    for (let i = 0; i < 20; i++) await leaveAtOnce();
    expect(await untilFree()).toBe(200);
  });

  async function follow() {
    const request = get(api.url + path, { headers: { 'x-tenant-id': fixture.tenant }, agent: false });
    const [{ statusCode: status }] = (await once(request, 'response')) as [IncomingMessage];
    if (status !== 200) request.destroy();
    return { status, leave: () => request.destroy() };
  }

  async function leaveAtOnce(): Promise<void> {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nx-tenant-id: ${fixture.tenant}\r\n\r\n`, () => socket.destroy());
    await once(socket, 'close');
  }

  async function untilFree(): Promise<number | undefined> {
    for (let tries = 0; tries < 40; tries++) {
      const { status, leave } = await follow();
      leave();
      if (status === 200) return status;
      await sleep(50);
    }
    return 429;
  }
});

describe('open streams of a caller with a key', () => {
  it('should end when the key is revoked', async () => {
    const api = await startTokenApp({ env: { CREDENTIAL_CACHE_MS: '50' } });
    const { key, id } = await api.makeKey(['read', 'write']);
    const job = await (await JobsFixture.create(api.as(key))).submit();
    const stream = await fetch(`${api.url}/jobs/${job.id}/events`, { headers: { authorization: `Bearer ${key}` } });
    expect(stream.status).toBe(200);
    await api.send(`DELETE /api-keys/${id}`, { key: api.operatorKey, tenant: TENANT });
    // Its end; the job itself goes on waiting.
    expect(await stream.text()).toContain('event: status');
    await api.close();
  });
});
