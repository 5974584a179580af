import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PageOf } from '../../src/dialects/manager/manager.schema.js';
import { OTHER_TENANT } from '../test-app.js';
import { startTokenApp, type TokenApp } from '../token-app.js';

let api: TokenApp;
beforeAll(async () => void (api = await startTokenApp()));
afterAll(() => api.close());

const list = (key?: string) =>
  api.send<PageOf<unknown> & { detail?: unknown }>('GET /api/v1/datasets/', {
    tenant: null,
    ...(key !== undefined && { key }),
  });

describe('with tokens', () => {
  it('should ask for a key, in the words of the face', async () => {
    for (const key of [undefined, 'iak_nothing']) {
      const { status, body, headers } = await list(key);
      expect([status, body, headers.get('www-authenticate')]).toEqual([
        401,
        { detail: expect.any(String) },
        expect.stringContaining('Bearer'),
      ]);
    }
  });

  it('should act for the tenant of the key, whose ids begin at 1', async () => {
    const keys = [await api.makeKey(['read', 'write']), await api.makeKey(['read', 'write'], { tenant: OTHER_TENANT })];
    for (const { key } of keys) {
      await api.send('POST /datasets/texts', { key, body: { texts: ['a'] } });
      const { body } = await list(key);
      expect(body).toMatchObject({ items: [{ id: 1 }], total: 1 });
    }
  });

  it('should serve health to everybody', async () => {
    expect((await api.send('GET /api/v1/health/', { tenant: null })).status).toBe(200);
  });
});
