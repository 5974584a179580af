import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditLogPage } from '@influencerai/shared';
import { AuditLogRepository } from '../src/audit/audit-log.repository.js';
import { Database } from '../src/database/database.js';
import { HttpWorker } from './jobs-fixture.js';
import { OTHER_TENANT, TENANT } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

let api: TokenApp;
beforeAll(async () => void (api = await startTokenApp()));
afterAll(() => api.close());

const entries = async (tenant: string | null, query = '') =>
  (await api.send<AuditLogPage>(`GET /audit-log${query}`, { key: api.operatorKey, tenant })).body;

describe('the audit log', () => {
  it('should say who did what, and with which outcome', async () => {
    await api.send('POST /users', { key: api.operatorKey, tenant: TENANT, body: { id: 'ada' } });
    const { key, id } = await api.makeKey(['read', 'write'], { userId: 'ada' });
    const created = await api.send<{ id: string }>('POST /lora-configs', {
      key,
      body: { name: 'a', modelName: 'sd15' },
    });
    await api.send(`DELETE /lora-configs/${created.body.id}`, { key, headers: { 'x-request-id': 'quote-me' } });
    await api.send('DELETE /users/ada', { key });
    const [refused, deleted, create] = (await entries(TENANT)).data;
    const by = { tenantId: TENANT, keyId: id, userId: 'ada', address: '127.0.0.1' };
    expect(create).toMatchObject({ ...by, method: 'POST', route: '/lora-configs', status: 201 });
    expect(deleted).toMatchObject({
      ...by,
      route: '/lora-configs/:id',
      path: `/lora-configs/${created.body.id}`,
      requestId: 'quote-me',
      status: 200,
    });
    expect(refused).toMatchObject({ ...by, method: 'DELETE', route: '/users/:userId', status: 403 });
  });

  it('should leave out what only reads, strangers, and reports of workers', async () => {
    const before = (await entries(null)).data[0]!.id;
    await api.send('GET /jobs', { key: api.operatorKey, tenant: TENANT });
    await api.send('POST /jobs', { key: 'iak_nothing', body: {} });
    await new HttpWorker(api.as(api.workerKey)).register();
    expect((await entries(null)).data[0]!.id).toBe(before);
  });

  it('should leave out nothing of a key that may do what workers do, too', async () => {
    const { key, id } = await api.makeKey(['read', 'write', 'admin', 'worker'], { tenant: null });
    await api.send(`PATCH /tenants/${TENANT}`, { key, body: { maxConcurrentJobs: 3 } });
    expect((await entries(null)).data[0]).toMatchObject({ keyId: id, route: '/tenants/:tenantId', status: 200 });
  });

  it('should show a tenant its own entries alone, page by page', async () => {
    const admin = await api.makeKey(['admin'], { tenant: OTHER_TENANT });
    for (const id of ['u1', 'u2', 'u3']) await api.send('POST /users', { key: admin.key, body: { id } });
    const page = async (query: string) =>
      (await api.send<AuditLogPage>(`GET /audit-log${query}`, { key: admin.key })).body;
    const first = await page('?limit=2');
    expect([first.data.length, first.hasMore]).toEqual([2, true]);
    const rest = await page(`?limit=100&before=${first.cursor}`);
    expect(rest.hasMore).toBe(false);
    const all = [...first.data, ...rest.data];
    expect(all.filter(({ route }) => route === '/users').length).toBe(3);
    expect(all.every(({ tenantId }) => tenantId === OTHER_TENANT)).toBe(true);
  });

  it('should refuse to be changed, and notice when it was', async () => {
    const { pool } = api.app.get(Database);
    const log = api.app.get(AuditLogRepository);
    for (const statement of ['update audit_log set status = 200', 'delete from audit_log', 'truncate audit_log'])
      await expect(pool.query(statement)).rejects.toThrow(/append-only/);
    const { data } = await entries(null);
    expect(await log.verify()).toEqual({ entries: expect.any(Number), brokenAt: null });
    const forged = data.at(-2)!.id;
    await api.app.get(Database).transaction(async (client) => {
      await client.query('alter table audit_log disable trigger audit_log_append_only');
      await client.query(`update audit_log set user_id = 'somebody else' where id = $1`, [forged]);
      await client.query('alter table audit_log enable trigger audit_log_append_only');
    });
    expect(await log.verify()).toMatchObject({ brokenAt: forged });
  });
});
