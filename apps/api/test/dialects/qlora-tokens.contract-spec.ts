import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OTHER_TENANT } from '../test-app.js';
import { startTokenApp, type TokenApp } from '../token-app.js';

const ROUTES = [
  'POST /api/training/start',
  'GET /api/training/status/x',
  'GET /api/training/jobs',
  'POST /api/training/stop/x',
  'POST /api/training/data/upload',
  'GET /api/adapters',
  'GET /api/adapters/x',
  'POST /api/adapters/x/load',
  'POST /api/adapters/unload',
  'DELETE /api/adapters/x',
];
const BODY = { model_name: 'tiny-text', train_texts: ['a'] };

let api: TokenApp;
beforeAll(async () => {
  api = await startTokenApp();
});
afterAll(() => api.close());

describe('QLoRA training with AUTH_MODE=token', () => {
  it('should ask for a token on every route [001:local]', async () => {
    for (const route of ROUTES) {
      const { status, body } = await api.send(route, { tenant: null });
      expect([route, status, Object.keys(body as object)]).toEqual([route, 401, ['error']]);
    }
  });

  it('should show a job to its tenant alone [001:local,files]', async () => {
    const { key } = await api.makeKey(['read', 'write']);
    const other = await api.makeKey(['read', 'write'], { tenant: OTHER_TENANT });
    const { status, body } = await api.send<{ job_id: string }>('POST /api/training/start', { key, body: BODY });
    expect(status).toBe(200);
    const show = `GET /api/training/status/${body.job_id}`;
    expect((await api.send(show, { key })).status).toBe(200);
    expect((await api.send(show, { key: other.key })).status).toBe(404);
    expect((await api.send(`POST /api/training/stop/${body.job_id}`, { key: other.key })).status).toBe(404);
    const list = (as: string) => api.send<{ total: number }>('GET /api/training/jobs', { key: as });
    expect([(await list(key)).body.total, (await list(other.key)).body.total]).toEqual([1, 0]);
  });

  it('should refuse a model that is neither on the hub nor in the registry, where nothing stands in [001:error-model]', async () => {
    const { key } = await api.makeKey(['read', 'write']);
    const start = (model_name: string) => api.send('POST /api/training/start', { key, body: { ...BODY, model_name } });
    const refused = await start('codellama-7b-instruct');
    expect([refused.status, refused.body]).toEqual([400, { error: 'Model codellama-7b-instruct not available' }]);
    expect((await start('codellama/CodeLlama-7b-Instruct-hf')).status).toBe(200);
  });
});
