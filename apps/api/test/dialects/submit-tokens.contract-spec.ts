import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.js';
import { JobsFixture } from '../jobs-fixture.js';
import { TENANT } from '../test-app.js';
import { startTokenApp, type TokenApp } from '../token-app.js';

let api: TokenApp;
let body: object;

beforeAll(async () => {
  api = await startTokenApp();
  const tenants = await api.makeKey(['read', 'write']);
  const { dataset } = await JobsFixture.create(api.as(tenants.key));
  for (const id of ['ada', 'bob']) {
    await api.send('POST /users', { key: api.operatorKey, tenant: TENANT, body: { id } });
  }
  body = { dataset_id: dataset.id, type: 'lora', base_model: 'username/model-name', config: {} };
});
afterAll(() => api.close());

describe('POST /api/training/submit with AUTH_MODE=token', () => {
  it('should act for the tenant and the user of the token [000:token]', async () => {
    const { key } = await api.makeKey(['read', 'write'], { userId: 'ada' });
    const answer = await api.send<{ job_id: string }>('POST /api/training/submit', { key, body });
    expect(answer.status).toBe(200);
    const { rows } = await api.app
      .get(Database)
      .pool.query('select tenant_id, user_id from job where id = $1', [answer.body.job_id]);
    expect(rows).toEqual([{ tenant_id: TENANT, user_id: 'ada' }]);
    const others = await api.makeKey(['read', 'write'], { userId: 'bob' });
    const files = `GET /public/training/outputs/${answer.body.job_id}`;
    expect((await api.send(files, { key })).status).toBe(200);
    expect((await api.send(files, { key: others.key })).status).toBe(403);
  });

  it('should refuse a token that is wrong or has expired [000:error-401]', async () => {
    const expired = await api.makeKey(['read', 'write'], { expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await api.app
      .get(Database)
      .pool.query(`update api_key set expires_at = now() - interval '1 second' where id = $1`, [expired.id]);
    const answers = [];
    for (const key of ['nonsense', expired.key])
      answers.push(await api.send('POST /api/training/submit', { key, body }));
    expect(answers.map((answer) => [answer.status, answer.body])).toEqual([
      [401, { error: 'Unauthorized', message: 'Missing or invalid authentication token' }],
      [401, { error: 'Unauthorized', message: 'Session expired' }],
    ]);
  });
});
