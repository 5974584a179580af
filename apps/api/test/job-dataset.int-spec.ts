import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobDataset } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, type TestApp } from './test-app.js';

const CAPTION = 'a red square';
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

describe('the dataset of a job', () => {
  let api: TestApp;
  let fixture: JobsFixture;
  let id: string;
  beforeAll(async () => {
    api = await startTestApp();
    fixture = await JobsFixture.create(api, 'tenant_sets');
    ({ id } = await fixture.submit());
  });
  afterAll(() => api.close());

  const path = (name: string) => join(api.dataRoot, 'datasets', fixture.tenant, name);
  const list = () => api.send<JobDataset>(`GET /jobs/${id}/dataset`, { tenant: fixture.tenant });
  const names = async () => (await list()).body.data.map(({ name }) => name);
  const hashOf = async (name: string) => (await list()).body.data.find((file) => file.name === name)?.sha256;
  const get = (name: string, headers: Record<string, string> = {}, tenant = fixture.tenant) =>
    api.send(`GET /jobs/${id}/dataset/files?name=${encodeURIComponent(name)}`, { tenant, headers });

  it('should be listed with sizes, hashes and a digest that is the one of its inspection', async () => {
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(body.digest).toBe(fixture.dataset.stats?.digest);
    expect(body.data.map(({ name }) => name)).toEqual(['a.png', 'a.txt']);
    expect(body.data[1]).toEqual({
      name: 'a.txt',
      sizeBytes: CAPTION.length,
      sha256: sha256(CAPTION),
      url: `/jobs/${id}/dataset/files?name=a.txt`,
    });
  });

  it('should be downloadable by the address in the list: whole, in ranges, conditionally', async () => {
    const { body } = await list();
    const whole = await api.send(`GET ${body.data[1]!.url}`, { tenant: fixture.tenant });
    const etag = `"${sha256(CAPTION)}"`;
    expect([whole.status, whole.text, whole.headers.get('etag')]).toEqual([200, CAPTION, etag]);
    const part = await get('a.txt', { range: 'bytes=2-4', 'if-range': etag });
    expect([part.status, part.text]).toEqual([206, 'red']);
    const stale = await get('a.txt', { range: 'bytes=2-4', 'if-range': '"another"' });
    expect([stale.status, stale.text]).toEqual([200, CAPTION]);
    expect((await get('a.txt', { 'if-none-match': etag })).status).toBe(304);
    expect((await get('a.txt', { range: 'bytes=99-' })).status).toBe(416);
  });

  it('should name what training reads, with subfolders, and nothing else', async () => {
    await mkdir(path('sub dir'));
    for (const name of ['sub dir/ü"%\n.txt', 'notes.md', 'alone.txt', '.hidden.png']) await writeFile(path(name), name);
    await writeFile(path('sub dir/ü"%\n.jpg'), 'a picture');
    expect(await names()).toEqual(['a.png', 'a.txt', 'sub dir/ü"%\n.jpg', 'sub dir/ü"%\n.txt']);
    const odd = await get('sub dir/ü"%\n.jpg');
    expect([odd.status, odd.text, odd.headers.get('content-disposition')]).toEqual([
      200,
      'a picture',
      "inline; filename*=UTF-8''%C3%BC%22%25%0A.jpg",
    ]);
    expect((await get('notes.md')).status).toBe(404);
    expect((await get('alone.txt')).status).toBe(404);
    await rm(path('sub dir'), { recursive: true });
  });

  it('should have each version of a file hashed once', async () => {
    await writeFile(path('b.png'), 'first');
    expect(await hashOf('b.png')).toBe(sha256('first'));
    // What is remembered is what is answered, so nobody looked into the file again.
    const { pool } = api.app.get(Database);
    const remember = (hash: string) => pool.query(`update dataset_file set sha256 = $1 where name = 'b.png'`, [hash]);
    await remember('f'.repeat(64));
    expect(await hashOf('b.png')).toBe('f'.repeat(64));
    expect((await get('b.png')).headers.get('etag')).toBe(`"${'f'.repeat(64)}"`);

    // Another content of the same size and date.
    const { atime, mtime } = await stat(path('b.png'));
    await writeFile(path('b.new'), 'other');
    await utimes(path('b.new'), atime, mtime);
    await rename(path('b.new'), path('b.png'));
    expect((await get('b.png')).headers.get('etag')).toBe(`"${sha256('other')}"`);
    expect(await hashOf('b.png')).toBe(sha256('other'));
  });

  it('should forget a file that is gone', async () => {
    await rm(path('b.png'));
    const answer = await get('b.png');
    expect([answer.status, answer.problem.code]).toEqual([404, 'dataset_file_not_found']);
    expect(await names()).toEqual(['a.png', 'a.txt']);
  });

  it('should hand out nothing behind a link, not even of a name that was once a folder', async () => {
    await mkdir(join(api.dataRoot, 'datasets/theirs'), { recursive: true });
    await writeFile(join(api.dataRoot, 'datasets/theirs/c.png'), 'secret');
    await symlink('../theirs', path('sub'));
    await symlink('../theirs/c.png', path('c.png'));
    expect(await names()).toEqual(['a.png', 'a.txt']);
    for (const name of ['sub/c.png', 'c.png']) expect((await get(name)).status).toBe(404);
    await rm(path('sub'));
    await mkdir(path('sub'));
    await writeFile(path('sub/c.png'), 'mine');
    expect(await names()).toContain('sub/c.png');
    await rm(path('sub'), { recursive: true });
    await symlink('../theirs', path('sub'));
    expect((await get('sub/c.png')).text).not.toContain('secret');
    await Promise.all([rm(path('sub')), rm(path('c.png'))]);
  });

  it.each(['', '..', '../tenant_other/a.png', '/etc/passwd', 'a//a.png', './a.png', '.hidden.png', 'a\0.png'])(
    'should refuse the name %j',
    async (name) => {
      const answer = await get(name);
      expect([answer.status, Object.keys(answer.problem.errors?.fieldErrors ?? {})]).toEqual([400, ['name']]);
    },
  );

  it('should give the same answer for another tenant’s job as for one that does not exist', async () => {
    const unknown = randomUUID();
    for (const rest of ['dataset', 'dataset/files?name=a.txt']) {
      const ask = async (job: string) => {
        const { status, text } = await api.send(`GET /jobs/${job}/${rest}`, { tenant: OTHER_TENANT });
        return [status, text.replaceAll(job, 'ID').replace(/"requestId":"[^"]*"/, '')];
      };
      expect(await ask(id)).toEqual(await ask(unknown));
      expect((await ask(id))[0]).toBe(404);
      expect((await api.send(`GET /jobs/${id}/${rest}`, { tenant: null })).status).toBe(401);
    }
  });

  it('should say so when the whole dataset is gone', async () => {
    await rename(path('.'), `${path('.')}-away`);
    const answer = await list();
    expect([answer.status, answer.problem.code]).toEqual([422, 'dataset_unreadable']);
    await rename(`${path('.')}-away`, path('.'));
  });

  it('should be one file where the dataset is one', async () => {
    await writeFile(join(api.dataRoot, 'rows.txt'), 'one\ntwo\n');
    const { body: dataset } = await api.send<{ id: string }>('POST /datasets', {
      tenant: fixture.tenant,
      body: { kind: 'fine-tuning', path: 'data/rows.txt' },
    });
    const { body: config } = await api.send<{ id: string }>('POST /lora-configs', {
      tenant: fixture.tenant,
      body: { name: 'rows', modelName: 'tiny-text' },
    });
    const { body: job } = await api.send<{ id: string }>('POST /jobs', {
      tenant: fixture.tenant,
      body: { type: 'lora-training', payload: { datasetId: dataset.id, loraConfigId: config.id } },
    });
    const { body } = await api.send<JobDataset>(`GET /jobs/${job.id}/dataset`, { tenant: fixture.tenant });
    expect(body.data.map(({ name }) => name)).toEqual(['rows.txt']);
    const file = await api.send(`GET ${body.data[0]!.url}`, { tenant: fixture.tenant });
    expect(file.text).toBe('one\ntwo\n');
  });
});
