import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page, Job } from '@influencerai/shared';
import pg from 'pg';
import { Database } from '../src/database/database.js';
import type { Config } from '../src/env.js';
import { TenantDatabase } from '../src/database/tenant-database.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
let database: TenantDatabase;
/** A connection as the API has it, that was never told whose it is. */
let nobody: pg.Client;

beforeAll(async () => {
  api = await startTestApp({ env: { ROW_SECURITY: 'on' } });
  database = api.app.get(TenantDatabase);
  for (const tenant of [TENANT, OTHER_TENANT]) await (await JobsFixture.create(api, tenant)).submit();
  nobody = new pg.Client({ connectionString: api.database.url, options: '-c role=influencerai_tenant' });
  await nobody.connect();
});
afterAll(async () => {
  await nobody.end();
  await api.close();
});

const tables = async (column: string): Promise<string[]> => {
  const { rows } = await api.app.get(Database).pool.query<{ name: string }>(
    `select c.table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.column_name = $1`,
    [column],
  );
  return rows.map(({ name }) => name);
};

describe('row security', () => {
  it('should cover every table that has rows of tenants', async () => {
    const owned = await tables('tenant_id');
    const { rows } = await api.app
      .get(Database)
      .pool.query<{ name: string }>(
        `select c.relname as name from pg_class c join pg_policy p on p.polrelid = c.oid where c.relrowsecurity`,
      );
    expect(rows.map(({ name }) => name).sort()).toEqual([...owned, 'tenant'].sort());
  });

  it('should show nothing while no tenant is set', async () => {
    for (const table of [...(await tables('tenant_id')), 'tenant']) {
      const { rows } = await nobody.query<{ count: string }>(`select count(*) from ${table}`);
      expect([table, rows[0]?.count]).toEqual([table, '0']);
    }
    await expect(nobody.query(`insert into tenant (id) values ('forged')`)).rejects.toThrow(/permission denied/);
  });

  it('should show the rows of one tenant to a query that names none', async () => {
    const query = { name: 'all-jobs', text: 'select distinct tenant_id from job' };
    for (const tenant of [TENANT, OTHER_TENANT])
      expect(await database.query(tenant, query, [])).toEqual([{ tenant_id: tenant }]);
    expect(await database.query('nobody', query, [])).toEqual([]);
  });

  it('should let no tenant write rows of another, in any of the ways to write', async () => {
    const forge = 'update job set priority = 7 returning tenant_id';
    const rows = await database.query(TENANT, { name: 'forge', text: forge }, []);
    expect(rows).toEqual([{ tenant_id: TENANT }]);
    const changed = await database.transaction(TENANT, (client) =>
      client.query('update job set priority = 8 where tenant_id = $1', [OTHER_TENANT]),
    );
    expect(changed.rowCount).toBe(0);
    const name = 'forged';
    const forged = { tenantId: OTHER_TENANT, id: 'mallory', name };
    await expect(database.write(TENANT, (prisma) => prisma.tenantUser.create({ data: forged }))).rejects.toThrow(
      /row-level security/,
    );
    expect(await database.read(TENANT, (prisma) => prisma.job.count({ where: { priority: 8 } }))).toBe(0);
  });

  it('should know whose rows a connection shows, whatever was done on it before', async () => {
    const setting = {
      name: 'setting',
      text: `select current_setting('app.tenant_id') as tenant, pg_backend_pid() as connection`,
    };
    const ask = async (tenant: string) => (await database.query<{ tenant: string }>(tenant, setting, []))[0];
    const first = await ask(TENANT);
    const fail = (tenant: string) => database.query(tenant, { name: 'bad', text: 'select 1 / $1::int' }, [0]);
    const transact = (tenant: string) =>
      database.transaction(tenant, async (client) => {
        await client.query('savepoint here');
        return (await client.query<{ tenant: string }>(setting)).rows[0];
      });
    const steps = [
      { ask, tenant: TENANT },
      { ask, tenant: OTHER_TENANT },
      { ask: transact, tenant: TENANT },
      { ask, tenant: OTHER_TENANT },
      { ask, tenant: TENANT },
    ];
    // On one connection, and each step after a failure in the name of either.
    for (const failed of [undefined, TENANT, OTHER_TENANT]) {
      for (const step of steps) {
        if (failed) await expect(fail(failed)).rejects.toThrow(/division/);
        expect(await step.ask(step.tenant)).toEqual({ ...first, tenant: step.tenant });
      }
    }
  });

  it('should hold whatever options the address of the database has', async () => {
    const address = new URL(api.database.url);
    address.searchParams.set('options', '-c statement_timeout=30000');
    const config = { database: { url: address.href, poolSize: 1, hasRowSecurity: true } } as Config;
    const other = new TenantDatabase(config, api.app.get(Database));
    await other.onModuleInit();
    const query = {
      name: 'who',
      text: `select current_user::text as role, current_setting('statement_timeout') as timeout`,
    };
    expect(await other.query(TENANT, query, [])).toEqual([{ role: 'influencerai_tenant', timeout: '30s' }]);
    await other.onApplicationShutdown();
  });

  it('should ask again what was cancelled before PostgreSQL knew it', async () => {
    const query = { name: 'behind-a-lock', text: 'select count(*)::int as count from lora_config where name = $1' };
    const { pool } = api.app.get(Database);
    await api.app.get(Database).transaction(async (client) => {
      await client.query('lock table lora_config in access exclusive mode');
      const asked = database.query(TENANT, query, ['none']);
      const refused = expect(asked).rejects.toThrow(/cancel/);
      const cancel = `select pg_cancel_backend(pid) from pg_locks where relation = 'lora_config'::regclass and not granted`;
      while ((await pool.query(cancel)).rowCount === 0);
      await refused;
    });
    for (let time = 0; time < 3; time += 1)
      expect(await database.query(TENANT, query, ['none'])).toEqual([{ count: 0 }]);
  });

  it('should outlive a connection that breaks while it is asked', async () => {
    const asked = database.query(TENANT, { name: 'long', text: 'select pg_sleep(60)' }, []);
    const refused = expect(asked).rejects.toThrow();
    const end = `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`;
    const { pool } = api.app.get(Database);
    while ((await pool.query(end)).rowCount === 0);
    await refused;
    const one = { name: 'one', text: 'select 1 as one' };
    expect(await database.query(TENANT, one, [])).toEqual([{ one: 1 }]);
  });

  it('should keep tenants apart who ask at the same time', async () => {
    const ask = async (tenant: string) => {
      const { body } = await api.send<Page<Job>>('GET /jobs', { tenant });
      return body.data.every(({ tenantId }) => tenantId === tenant) && body.data.length === 1;
    };
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => ask(index % 2 === 0 ? TENANT : OTHER_TENANT)),
    );
    expect(answers.every(Boolean)).toBe(true);
  });
});
