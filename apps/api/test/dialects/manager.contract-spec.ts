import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../test-app.js';

let api: TestApp;
beforeAll(async () => void (api = await startTestApp()));
afterAll(() => api.close());

/** As a client sends it, which knows no credentials. */
const send = (route: string) => api.send(route, { tenant: null });

const DOCUMENTED = JSON.parse(
  readFileSync(new URL('../../src/dialects/manager/fixtures/health.response.json', import.meta.url), 'utf8'),
) as object;

describe('GET /api/v1/health', () => {
  it.each(['/api/v1/health', '/api/v1/health/'])(
    'should answer at %s [003:endpoint-health,example-health,slashes]',
    async (path) => {
      const { status, text } = await send(`GET ${path}`);
      expect([status, text]).toEqual([200, JSON.stringify({ ...DOCUMENTED, environment: 'development' })]);
    },
  );

  it('should refuse other methods in the words of the face [003:error-format]', async () => {
    const { status, body, headers } = await send('POST /api/v1/health');
    expect([status, headers.get('allow'), body]).toEqual([405, 'GET, HEAD', { detail: expect.any(String) }]);
  });
});
