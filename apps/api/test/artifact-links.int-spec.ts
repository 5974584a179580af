import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ArtifactLink, JobArtifact } from '@influencerai/shared';
import { mintKey } from '../src/auth/api-key.js';
import { Database } from '../src/database/database.js';
import { newId } from '../src/http/new-id.js';
import { toAddress } from '../src/jobs/links/link-address.js';
import { LinkSecretsRepository } from '../src/jobs/links/link-secrets.repository.js';
import { sign } from '../src/jobs/links/link-signature.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { S3Server, WHY_NO_S3 } from './s3-server.js';
import { OTHER_TENANT, startReplica, startTestApp, TENANT, type TestApp } from './test-app.js';
import { startTokenApp, type TokenApp } from './token-app.js';

const CONTENT = 'the weights of a small model';
const FINAL = 'final.safetensors';
const MINUTE = 60_000;

if (WHY_NO_S3) process.stderr.write(`Links of a bucket are left out: ${WHY_NO_S3}\n`);

/** A tenant's job with files, which a worker sent. */
class Job {
  private constructor(
    readonly api: TokenApp,
    readonly key: string,
    readonly id: string,
    private readonly attempt: number,
  ) {}

  static async run(api: TokenApp): Promise<Job> {
    const { key } = await api.makeKey(['read', 'write']);
    const { id } = await (await JobsFixture.create(api.as(key))).submit();
    const claimed = await (await new HttpWorker(api.as(api.workerKey)).register()).claim();
    const job = new Job(api, key, id, claimed!.attempt);
    await job.put(FINAL, CONTENT);
    return job;
  }

  async put(name: string, body: string, kind = 'lora'): Promise<JobArtifact> {
    const answer = await this.api.send<JobArtifact>(`PUT ${this.at(name)}?attempt=${this.attempt}&kind=${kind}`, {
      key: this.api.workerKey,
      tenant: TENANT,
      headers: { 'content-type': 'application/octet-stream' },
      body,
    });
    expect(answer.status).toBe(200);
    return answer.body;
  }

  get(name: string, query = '', key = this.key) {
    return this.api.send<ArtifactLink>(`GET ${this.at(name)}${query}`, { key });
  }

  async link(name = FINAL): Promise<string> {
    return (await this.get(name, '/link')).body.url;
  }

  private at(name: string): string {
    return `/jobs/${this.id}/artifacts/${name}`;
  }
}

/** Opens a link as a browser would: with nothing but the link. */
const open = (api: TestApp, url: string, init: RequestInit = {}) => fetch(new URL(url, api.url), init);

const change = (url: string, parameters: Record<string, string>): string => {
  const [path, query] = url.split('?');
  return `${path}?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(query)), ...parameters })}`;
};

describe('links to files', () => {
  let api: TokenApp;
  let job: Job;
  beforeAll(async () => {
    api = await startTokenApp();
    job = await Job.run(api);
  });
  afterAll(() => api.close());

  /** A link that is signed as it should be, for whatever is asked. */
  const forge = async (target: Partial<{ tenantId: string; jobId: string; name: string; expires: number }> = {}) => {
    const sha256 = (await api.send<{ data: JobArtifact[] }>(`GET /jobs/${job.id}/artifacts`, { key: job.key })).body
      .data[0]!.sha256;
    const expires = Math.floor((Date.now() + MINUTE) / 1000);
    const whole = { tenantId: TENANT, jobId: job.id, name: FINAL, sha256, expires, ...target };
    const [secret] = await api.app.get(LinkSecretsRepository).list();
    return toAddress({ ...whole, signature: sign(secret, whole) });
  };

  const refusalOf = async (url: string, init: RequestInit = {}) => {
    const answer = await open(api, url, init);
    const { instance: _, ...body } = (await answer.json()) as { instance: string };
    return { status: answer.status, body };
  };

  it('should be handed out with the time when they end, five minutes ahead', async () => {
    const before = Date.now();
    const { status, body, headers } = await job.get(FINAL, '/link');
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body.url).toMatch(`/downloads/${TENANT}/${job.id}/${FINAL}?`);
    const ahead = Date.parse(body.expiresAt) - before;
    expect(Math.abs(ahead - 5 * MINUTE)).toBeLessThan(MINUTE / 2);
  });

  it('should open the file without credentials, as a file to keep', async () => {
    const answer = await open(api, await job.link());
    expect([answer.status, await answer.text()]).toEqual([200, CONTENT]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-disposition': `attachment; filename="${FINAL}"`,
      'content-type': 'application/octet-stream',
      'cache-control': expect.stringContaining('private'),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'accept-ranges': 'bytes',
      'content-security-policy': expect.stringContaining('sandbox'),
    });
  });

  it('should be where a download is sent that asks for it', async () => {
    const answer = await fetch(`${api.url}/jobs/${job.id}/artifacts/${FINAL}?redirect=true`, {
      headers: { authorization: `Bearer ${job.key}` },
      redirect: 'manual',
    });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store']);
    expect(await (await open(api, answer.headers.get('location')!)).text()).toBe(CONTENT);
  });

  it('should open ranges, and only the headers for HEAD', async () => {
    const url = await job.link();
    const part = await open(api, url, { headers: { range: 'bytes=4-10' } });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      206,
      CONTENT.slice(4, 11),
      `bytes 4-10/${CONTENT.length}`,
    ]);
    expect((await open(api, url, { headers: { range: 'bytes=1000-' } })).status).toBe(416);
    const head = await open(api, url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
      200,
      String(CONTENT.length),
      '',
    ]);
    const etag = head.headers.get('etag') ?? '';
    expect((await open(api, url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('should not need credentials to be right when they are sent along', async () => {
    const headers = { authorization: `Bearer ${mintKey().key}`, 'x-tenant-id': OTHER_TENANT };
    expect((await open(api, await job.link(), { headers })).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('should be good for no %s', async (method) => {
    const answer = await open(api, await job.link(), { method });
    await answer.body?.cancel();
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('should live as long as was asked for, up to a limit', async () => {
    const { body } = await job.get(FINAL, '/link?expiresInSeconds=3600');
    expect(Math.abs(Date.parse(body.expiresAt) - Date.now() - 60 * MINUTE)).toBeLessThan(MINUTE / 2);
    for (const seconds of ['3601', '0', '-1', '1e9', 'soon', '']) {
      const { status, problem } = await job.get(FINAL, `/link?expiresInSeconds=${seconds}`);
      expect([seconds, status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([
        seconds,
        400,
        ['expiresInSeconds'],
      ]);
    }
    expect((await job.get(FINAL, '?redirect=maybe')).status).toBe(400);
  });

  it('should be made for no file that is not there, and for nobody who may not read it', async () => {
    const { key: others } = await api.makeKey(['read'], { tenant: OTHER_TENANT });
    const { key: writer } = await api.makeKey(['write']);
    for (const query of ['/link', '?redirect=true']) {
      expect((await job.get('none.png', query)).problem.code).toBe('artifact_not_found');
      expect((await job.get(FINAL, query, others)).problem.code).toBe('job_not_found');
      expect((await job.get(FINAL, query, writer)).problem.code).toBe('scope_missing');
    }
  });

  it('should refuse with one answer whatever is wrong with a link', async () => {
    const url = await job.link();
    await job.put('other.png', 'x', 'sample');
    const [path = '', query = ''] = url.split('?');
    const without = (name: string) => {
      const rest = new URLSearchParams(query);
      rest.delete(name);
      return `${path}?${rest}`;
    };
    const signature = new URLSearchParams(query).get('signature')!;
    const first = signature.startsWith('A') ? 'B' : 'A';
    const wrong = {
      'another tenant': url.replace(`/${TENANT}/`, `/${OTHER_TENANT}/`),
      'a tenant that there is not': url.replace(`/${TENANT}/`, '/nobody/'),
      'a tenant that cannot be': url.replace(`/${TENANT}/`, '/%2e%2e%2f/'),
      'another job': url.replace(job.id, newId()),
      'no job': url.replace(job.id, 'x'),
      'another file': url.replace(FINAL, 'other.png'),
      'a path for a name': url.replace(FINAL, `..%2f${FINAL}`),
      'an absolute name': url.replace(FINAL, '%2fetc%2fpasswd'),
      'a name with NUL': url.replace(FINAL, `${FINAL}%00`),
      'a later end': change(url, { expires: '1999999999' }),
      'another way to write the end': change(url, { expires: `0${new URLSearchParams(query).get('expires')}` }),
      'other content': change(url, { sha256: '0'.repeat(64) }),
      'another signature': change(url, { signature: first + signature.slice(1) }),
      'half a signature': change(url, { signature: signature.slice(0, 20) }),
      'a longer signature': change(url, { signature: `${signature}A` }),
      'no signature': without('signature'),
      'no end': without('expires'),
      'no content': without('sha256'),
      'two signatures': `${url}&signature=${signature}`,
      'two ends': `${url}&expires=1999999999`,
      'something else beside': `${url}&prototype=1`,
      nothing: path,
      'an end that has passed': await forge({ expires: Math.floor(Date.now() / 1000) - 1 }),
      'a job of nobody, well signed': await forge({ jobId: newId() }),
      'a job that cannot be, well signed': await forge({ jobId: 'x' }),
      'a name that cannot be, well signed': await forge({ name: '../secret' }),
      'a file that is not there, well signed': await forge({ name: 'none.png' }),
      "another tenant's job, well signed": await forge({ tenantId: OTHER_TENANT }),
      'a tenant that cannot be, well signed': await forge({ tenantId: '../x' }),
    };
    expect((await open(api, await forge())).status).toBe(200);
    const refusal = await refusalOf(wrong['nothing']);
    expect(refusal).toMatchObject({ status: 403, body: { code: 'link_invalid' } });
    for (const [what, address] of Object.entries(wrong))
      expect([what, await refusalOf(address)]).toEqual([what, refusal]);
  });

  it('should open no file that took the place of theirs', async () => {
    await job.put('sample.png', 'first', 'sample');
    const url = await job.link('sample.png');
    await job.put('sample.png', 'second', 'sample');
    expect(await refusalOf(url)).toMatchObject({ status: 403 });
    expect(await (await open(api, await job.link('sample.png'))).text()).toBe('second');
  });

  it('should end with their file, their job and the leave of their tenant, not with the key that asked', async () => {
    await job.put('gone.png', 'x', 'sample');
    const gone = await job.link('gone.png');
    await rm(join(api.folderOf(TENANT), (await readPath('gone.png')).replace(/^data\//, '')));
    expect(await refusalOf(gone)).toMatchObject({ status: 403 });

    const mine = await api.makeKey(['read']);
    const { url } = (await job.get(FINAL, '/link', mine.key)).body;
    await api.send(`DELETE /api-keys/${mine.id}`, { key: api.operatorKey, tenant: TENANT });
    expect((await open(api, url)).status).toBe(200);

    const disable = (isDisabled: boolean) =>
      api.send(`PATCH /tenants/${TENANT}`, { key: api.operatorKey, body: { isDisabled } });
    await disable(true);
    expect(await refusalOf(url)).toMatchObject({ status: 403, body: { code: 'link_invalid' } });
    await disable(false);
    expect((await open(api, url)).status).toBe(200);

    const doomed = await Job.run(api);
    const link = await doomed.link();
    await api.app.get(Database).pool.query('delete from job where id = $1', [doomed.id]);
    expect(await refusalOf(link)).toMatchObject({ status: 403, body: { code: 'link_invalid' } });
  });

  const readPath = async (name: string): Promise<string> => {
    const { body } = await api.send<{ data: JobArtifact[] }>(`GET /jobs/${job.id}/artifacts`, { key: job.key });
    return body.data.find((artifact) => artifact.name === name)!.path;
  };

  it('should open at every replica, also without a secret in the settings', async () => {
    const url = await job.link();
    const replica = await startReplica(api, { AUTH_MODE: 'token' });
    expect((await open(replica, url)).status).toBe(200);
    await replica.close();
  });

  it('should go on while the secret is replaced by another one', async () => {
    const [old, fresh] = ['old', 'new'].map((word) => word.repeat(20));
    const replicas = await Promise.all(
      [old, `${fresh},${old}`, fresh].map((LINK_SECRET) => startReplica(api, { AUTH_MODE: 'token', LINK_SECRET })),
    );
    const [before, during, after] = replicas as [TestApp, TestApp, TestApp];
    const linkOf = async (at: TestApp) =>
      (await at.send<ArtifactLink>(`GET /jobs/${job.id}/artifacts/${FINAL}/link`, { key: job.key })).body.url;
    const opened = async (at: TestApp, url: string) => (await open(at, url)).status;
    const [first, second] = [await linkOf(before), await linkOf(during)];
    expect([await opened(during, first), await opened(after, first)]).toEqual([200, 403]);
    expect([await opened(during, second), await opened(after, second)]).toEqual([200, 200]);
    await Promise.all(replicas.map((replica) => replica.close()));
  });

  it('should say what is wrong with settings, and not with which secret', async () => {
    const start = (env: NodeJS.ProcessEnv) =>
      startReplica(api, env).then(
        () => 'started',
        (error: Error) => error.message,
      );
    const short = await start({ LINK_SECRET: `${'long enough '.repeat(4)},too short` });
    expect(short).toMatch(/LINK_SECRET.*32 bytes/);
    expect(short).not.toContain('too short');
    expect(await start({ LINK_LIFETIME_S: '7200' })).toMatch(/LINK_LIFETIME_S/);
  });

  it('should not be counted when they are used, but when they are asked for', async () => {
    const replica = await startReplica(api, { AUTH_MODE: 'token', RATE_LIMITS: 'on', RATE_LIMIT_READS: '2' });
    const ask = () => replica.send<ArtifactLink>(`GET /jobs/${job.id}/artifacts/${FINAL}/link`, { key: job.key });
    const { body } = await ask();
    const answers = [];
    for (let times = 0; times < 4; times++) answers.push((await open(replica, body.url)).status);
    expect(answers).toEqual([200, 200, 200, 200]);
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
    await replica.close();
  });
});

describe('links where the tenant is trusted', () => {
  it('should open as well', async () => {
    const api = await startTestApp();
    const { id } = await (await JobsFixture.create(api)).submit();
    const claimed = await (await new HttpWorker(api).register()).claim();
    await api.send(`PUT /jobs/${id}/artifacts/a.png?attempt=${claimed?.attempt}&kind=sample`, {
      headers: { 'content-type': 'application/octet-stream' },
      body: 'x',
    });
    const { body } = await api.send<ArtifactLink>(`GET /jobs/${id}/artifacts/a.png/link`);
    expect(await (await open(api, body.url)).text()).toBe('x');
    await api.close();
  });
});

(WHY_NO_S3 ? describe.skip : describe)('links to files in a bucket', () => {
  let server: S3Server;
  let api: TokenApp;
  let job: Job;
  beforeAll(async () => {
    server = await S3Server.start();
    api = await startTokenApp({ env: server.env });
    job = await Job.run(api);
  });
  afterAll(async () => {
    await api.close();
    await server.close();
  });

  it('should lead to the bucket and open the file there, as one to keep', async () => {
    const url = await job.link();
    expect(new URL(url).origin).toBe(server.settings.endpoint);
    const answer = await fetch(url);
    expect([answer.status, await answer.text(), answer.headers.get('content-disposition')]).toEqual([
      200,
      CONTENT,
      `attachment; filename="${FINAL}"`,
    ]);
    const part = await fetch(url, { headers: { range: 'bytes=4-10' } });
    expect([part.status, await part.text()]).toEqual([206, CONTENT.slice(4, 11)]);
  });

  it('should be where a download is sent that asks for it, without its credentials', async () => {
    const headers = { authorization: `Bearer ${job.key}` };
    const answer = await fetch(`${api.url}/jobs/${job.id}/artifacts/${FINAL}?redirect=true`, { headers });
    expect([answer.redirected, await answer.text()]).toEqual([true, CONTENT]);
  });

  it('should be good for their file, their time and reading alone', async () => {
    await job.put('other.png', 'x', 'sample');
    const url = await job.link();
    const answers = await Promise.all([
      fetch(url.replace(FINAL, 'samples/other.png')),
      fetch(change(url, { 'X-Amz-Expires': '86400' })),
      fetch(change(url, { 'response-content-type': 'text/html' })),
      fetch(url, { method: 'PUT', body: 'y' }),
      fetch(url, { method: 'DELETE' }),
      fetch(url.split('?')[0]!),
    ]);
    for (const answer of answers) await answer.body?.cancel();
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
    expect(await (await fetch(url)).text()).toBe(CONTENT);
  });

  it('should not be made for a file that is gone', async () => {
    expect((await job.get('none.png', '/link')).problem.code).toBe('artifact_not_found');
  });
});
