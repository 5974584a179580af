import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../src/database/database.js';
import { startTestApp, type TestApp } from './test-app.js';

let api: TestApp;
let database: Database;

beforeAll(async () => {
  api = await startTestApp();
  database = api.app.get(Database);
});

afterAll(() => api.close());

/** Ends a connection as a server does that dies or restarts. */
const endBackend = async (pid: number): Promise<void> => {
  await database.pool.query('select pg_terminate_backend($1, 5000)', [pid]);
};

describe(Database.name, () => {
  it('should fail a transaction whose connection is lost between two statements, and go on', async () => {
    const lost = database.transaction(async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const ended = once(client, 'end');
      await endBackend(rows[0]!.pid);
      // The connection breaks while no statement runs: only the client's own event tells, and Node exits when unheard.
      await ended;
      await client.query('select 1');
    });
    await expect(lost).rejects.toThrow();
    expect(await database.transaction((client) => client.query('select 1 as one'))).toMatchObject({
      rows: [{ one: 1 }],
    });
  });

  it('should fail a transaction whose connection is lost within a statement, and go on', async () => {
    const lost = database.transaction(async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const statement = client.query('select pg_sleep(60)');
      await Promise.all([endBackend(rows[0]!.pid), statement]);
    });
    await expect(lost).rejects.toThrow();
    expect((await api.send('GET /jobs')).status).toBe(200);
  });
});
