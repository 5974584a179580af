import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTokenApp, type TokenApp } from './token-app.js';

const MAIN = fileURLToPath(new URL('../dist/admin/main.js', import.meta.url));

let api: TokenApp;
beforeAll(async () => void (api = await startTokenApp()));
afterAll(() => api.close());

/** What the program printed, and its exit code. */
const admin = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { PATH: '/usr/bin', API_URL: api.url, API_KEY: api.operatorKey };
    execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

describe('bin/admin', () => {
  it('should make a tenant, a user and a key that works', async () => {
    expect(await admin('tenants', 'create', 'studio', '--concurrent', '7')).toMatchObject({ code: 0 });
    expect((await admin('users', 'create', 'ada', '--tenant', 'studio')).code).toBe(0);
    const { out } = await admin('keys', 'create', 'n8n', '--tenant', 'studio', '--user', 'ada');
    const key = /^iak_\w+$/m.exec(out)?.[0];
    expect((await api.send('GET /jobs', { key: key! })).status).toBe(200);
    expect((await admin('users', 'disable', 'ada', '--tenant', 'studio')).code).toBe(0);
    expect((await api.send('GET /jobs', { key: key! })).status).toBe(403);
    expect((await admin('tenants', 'list')).out).toMatch(/^id +name +maxConcurrentJobs.*\n(.*\n)*studio +- +7 /);
  });

  it('should print what the API answers for programs', async () => {
    const { out } = await admin('keys', 'list', '--json');
    expect(JSON.parse(out)).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'WORKER_KEY' })]));
  });

  it('should rotate and revoke keys', async () => {
    const made = JSON.parse((await admin('keys', 'create', 'old', '--json')).out) as { id: string; key: string };
    const rotated = JSON.parse((await admin('keys', 'rotate', made.id, '--overlap', '0', '--json')).out) as {
      key: string;
    };
    expect((await api.send('GET /tenants', { key: made.key })).status).toBe(401);
    expect((await admin('keys', 'revoke', made.id)).code).toBe(0);
    expect((await api.send('GET /tenants', { key: rotated.key })).status).toBe(401);
  });

  it('should check the audit log', async () => {
    expect((await admin('audit', 'verify')).code).toBe(0);
    expect((await admin('audit', 'list', '--limit', '3')).out).toMatch(/^id +at +tenantId/);
  });

  it('should mint a key without an API', async () => {
    expect((await admin('keys', 'mint')).out).toMatch(/^iak_/m);
  });

  it.each([
    [['tenants', 'forget'], /There is no command "tenants forget"/],
    [['tenants', 'create'], /bin\/admin tenants create ID/],
    [['users', 'list'], /--tenant T/],
    [['users', 'list', '--tennant', 'x'], /tennant/],
  ])('should say how %j is used', async (args, message) => {
    expect(await admin(...args)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  it('should pass on what the API says', async () => {
    expect(await admin('tenants', 'create', 'no/slash')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/id: Must/),
    });
    expect(await admin('keys', 'revoke', 'nothing')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not found/),
    });
  });
});
