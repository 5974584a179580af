import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './test-app.js';

let api: TestApp;
beforeAll(async () => {
  api = await startTestApp();
});
afterAll(() => api.close());

describe('GET /health', () => {
  it('should say that the process lives, without a tenant', async () => {
    const { status, body, headers } = await api.send('GET /health/live', { tenant: null });
    expect([status, body, headers.get('cache-control')]).toEqual([200, { status: 'ok' }, 'no-store']);
  });

  it.each(['/health', '/health/ready'])('should say at %s that database, queue and storage answer', async (path) => {
    const { status, body } = await api.send(`GET ${path}`, { tenant: null });
    expect([status, body]).toEqual([200, { status: 'ok', checks: { database: 'ok', queue: 'ok', storage: 'ok' } }]);
  });
});
