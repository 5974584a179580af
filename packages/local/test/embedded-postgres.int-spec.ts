import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startPostgres, withClient, type EmbeddedPostgres } from '../src/index.js';
import { isAlive } from '../src/process-alive.js';
import { waitUntil } from '../src/wait-until.js';

jest.setTimeout(60_000);

describe('startPostgres', () => {
  let folder: string;
  const servers: EmbeddedPostgres[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'postgres-test-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (port?: number): Promise<EmbeddedPostgres> => {
    const server = await startPostgres({ folder, port, durability: 'none' });
    servers.push(server);
    return server;
  };
  const query = (url: string, sql: string) =>
    withClient(url, async (client) => (await client.query(sql)).rows as unknown[]);

  it('should keep its data over stop and start, on the same port', async () => {
    const first = await start();
    await query(first.url, 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    const second = await start();
    expect(second.port).toBe(first.port);
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('should find the server that runs for the folder', async () => {
    const first = await start();
    const second = await start();
    expect(second).toMatchObject({ pid: first.pid, port: first.port, startedHere: false });
  });

  it('should recover from kill -9, also when its process id went to another program', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await waitUntil(() => !isAlive(first.pid), { timeoutMs: 5_000, what: 'the end of the server' });
    const second = await start();
    expect(second.startedHere).toBe(true);
    await second.stop();
    await writeFile(path.join(folder, 'data/postmaster.pid'), `${process.pid}\n`);
    const third = await start();
    expect(await query(third.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('should refuse a wrong password', async () => {
    const server = await start();
    const url = new URL(server.url);
    url.password = 'guessed';
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('should say in one line that the data is of another version', async () => {
    await mkdir(path.join(folder, 'data'));
    await writeFile(path.join(folder, 'data/PG_VERSION'), '15\n');
    await writeFile(path.join(folder, 'server.json'), '{"port":1,"password":"x","ready":true}');
    await expect(start()).rejects.toThrow(
      /^The data in .* is of PostgreSQL 15, this version brings 18: move .*afresh\.$/,
    );
  });

  it('should say in one line that a folder cannot be written', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const blocked = startPostgres({ folder: path.join(folder, 'file/below') });
    await expect(blocked).rejects.toThrow(/^Cannot write to .* \(a file is in the way\): .*\.$/);
  });

  it('should say in one line that a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toThrow(`Port ${port}, asked for PostgreSQL, is taken: choose another one.`);
    other.close();
  });
});
