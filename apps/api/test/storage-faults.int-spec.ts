import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { waitUntil } from '@influencerai/local';
import type { Dataset, JobArtifact, Page } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { StorageQuota } from '../src/limits/storage-quota.js';
import { S3Storage } from '../src/storage/s3.storage.js';
import { connect } from '../src/storage/s3-client.js';
import type { TenantRoots } from '../src/storage/tenant-roots.js';
import { UploadSweeper } from '../src/uploads/upload-sweeper.js';
import { SmallDisk, WHY_NO_DISK } from './full-disk.js';
import { HttpWorker, JobsFixture } from './jobs-fixture.js';
import { S3Server, WHY_NO_S3 } from './s3-server.js';
import { startReplica, startTestApp, TENANT, type TestApp } from './test-app.js';

const MIB = 1024 * 1024;
const BOUNDARY = 'boundary-of-the-parts';
const FORM_HEAD = [
  ...[`--${BOUNDARY}`, 'content-disposition: form-data; name="kind"', '', 'fine-tuning'],
  ...[`--${BOUNDARY}`, 'content-disposition: form-data; name="files"; filename="rows.jsonl"', '', ''],
].join('\r\n');
const FORM_END = `\r\n--${BOUNDARY}--\r\n`;

for (const reason of [WHY_NO_S3, WHY_NO_DISK])
  if (reason) process.stderr.write(`Tests of storage that fails are left out: ${reason}\n`);

/** Rows of text; a file of them is a dataset. */
const rows = (bytes: number): string => `{"text":"${'x'.repeat(1000)}"}\n`.repeat(Math.ceil(bytes / 1012));

/** A body that comes as the test says. */
class Body {
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly stream = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) });

  send(text: string): this {
    this.controller.enqueue(new TextEncoder().encode(text));
    return this;
  }

  end(): void {
    this.controller.close();
  }
}

/** What a tenant does, and what is left of it. */
class Client {
  constructor(private readonly api: TestApp) {}

  send(route: string, contentType: string, body: string | Body) {
    const [method, path] = route.split(' ') as [string, string];
    return fetch(this.api.url + path, {
      method,
      headers: { 'x-tenant-id': TENANT, 'content-type': contentType },
      body: body instanceof Body ? body.stream : body,
      duplex: 'half',
    } as RequestInit);
  }

  sendForm(body: string | Body) {
    return this.send('POST /datasets/upload', `multipart/form-data; boundary=${BOUNDARY}`, body);
  }

  async datasets(): Promise<number> {
    return (await this.api.send<Page<Dataset>>('GET /datasets')).body.total;
  }

  async artifacts(jobId: string): Promise<string[]> {
    const { body } = await this.api.send<{ data: JobArtifact[] }>(`GET /jobs/${jobId}/artifacts`);
    return body.data.map(({ name }) => name);
  }

  async usedBytes(): Promise<number> {
    return (await this.api.app.get(StorageQuota).describe(TENANT)).usedBytes;
  }

  async uploads(): Promise<number> {
    const { rows: found } = await this.api.app.get(Database).pool.query('select 1 from upload');
    return found.length;
  }

  /** As if whoever worked on uploads had been silent for long. */
  sweep(): Promise<void> {
    return this.api.app.get(UploadSweeper).sweep(0);
  }
}

const outcomeOf = async (answer: Response) => {
  const { code } = (await answer.json()) as { code: string };
  return [answer.status, code];
};

/** A job that runs, and the address at which its worker puts files. */
async function aRunningJob(api: TestApp): Promise<{ id: string; put: (name: string) => string }> {
  const { id } = await (await JobsFixture.create(api)).submit();
  const claimed = await (await new HttpWorker(api).register()).claim();
  return { id, put: (name) => `PUT /jobs/${id}/artifacts/${name}?attempt=${claimed?.attempt}&kind=checkpoint` };
}

(WHY_NO_S3 ? describe.skip : describe)('a store that stops answering', () => {
  let server: S3Server;
  /** Gives up on the store soon, so it is asked for what has to fail; `calm` for what has to succeed. */
  let api: TestApp;
  let calmApi: TestApp;
  let client: Client;
  let calm: Client;
  let job: Awaited<ReturnType<typeof aRunningJob>>;
  beforeAll(async () => {
    server = await S3Server.start();
    api = await startTestApp({ env: { ...server.env, S3_TIMEOUT_MS: '300' } });
    calmApi = await startReplica(api, server.env);
    [client, calm] = [new Client(api), new Client(calmApi)];
    job = await aRunningJob(calmApi);
  });
  afterAll(async () => {
    await Promise.all([api.close(), calmApi.close()]);
    await server.close();
  });

  /** The first part of an upload has arrived there. */
  const partArrived = async () => {
    const s3 = connect(server.settings, server.settings.endpoint);
    const list = new ListMultipartUploadsCommand({ Bucket: server.settings.bucket });
    await waitUntil(async () => ((await s3.send(list)).Uploads ?? []).length > 0, {
      what: 'the first part',
      timeoutMs: 10_000,
    });
  };

  it('should end a file of a job in mid-upload with 503, list nothing, and take it when it is back', async () => {
    const body = new Body().send(rows(9 * MIB));
    const answer = client.send(job.put('a.safetensors'), 'application/octet-stream', body);
    await partArrived();
    server.pause();
    body.send(rows(9 * MIB)).end();
    expect(await outcomeOf(await answer)).toEqual([503, 'storage_unavailable']);
    expect((await api.send('GET /health/ready')).status).toBe(503);
    expect(await client.artifacts(job.id)).toEqual([]);
    server.resume();
    const again = await calm.send(job.put('a.safetensors'), 'application/octet-stream', rows(9 * MIB));
    expect([again.status, await client.artifacts(job.id)]).toEqual([200, ['a.safetensors']]);
  }, 30_000);

  it('should ask whether to keep a file only when its bytes are stored, and take that back when it cannot appear', async () => {
    // It has to take the bytes before it is silent.
    const storage = new S3Storage({ ...server.settings, silenceMs: 1500 }, {} as TenantRoots);
    const calls: string[] = [];
    const note = (call: string) => () => Promise.resolve(void calls.push(call));
    const write = (accept: () => Promise<void>) =>
      storage.write('small', Readable.from([Buffer.from('x')]), { accept, retract: note('retract') });
    server.pause();
    await expect(write(note('accept'))).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(calls).toEqual([]);
    server.resume();
    const acceptThenPause = async () => {
      await note('accept')();
      server.pause();
    };
    await expect(write(acceptThenPause)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(calls).toEqual(['accept', 'retract']);
    server.resume();
  }, 30_000);

  it('should end a dataset in mid-upload with 503, and leave nothing when it is back', async () => {
    const [before, used] = [await client.datasets(), await client.usedBytes()];
    const body = new Body().send(FORM_HEAD + rows(9 * MIB));
    const answer = client.sendForm(body);
    await partArrived();
    server.pause();
    body.send(rows(9 * MIB) + FORM_END).end();
    expect(await outcomeOf(await answer)).toEqual([503, 'storage_unavailable']);
    expect(await client.datasets()).toBe(before);
    server.resume();
    await calm.sweep();
    expect([await calm.uploads(), await calm.usedBytes()]).toEqual([0, used]);
    expect((await calm.sendForm(FORM_HEAD + rows(MIB) + FORM_END)).status).toBe(201);
  }, 30_000);

  it('should end a download rather than hold it for ever', async () => {
    const stored = await calm.send(job.put('big.safetensors'), 'application/octet-stream', rows(48 * MIB));
    expect(stored.status).toBe(200);
    const answer = await fetch(`${api.url}/jobs/${job.id}/artifacts/big.safetensors`, {
      headers: { 'x-tenant-id': TENANT },
    });
    const reader = answer.body!.getReader();
    await reader.read();
    server.pause();
    const rest = async () => {
      for (;;) if ((await reader.read()).done) return 'whole';
    };
    await expect(rest()).rejects.toThrow();
    const none = await api.send(`GET /jobs/${job.id}/artifacts/big.safetensors`);
    expect([none.status, none.problem.code]).toEqual([503, 'storage_unavailable']);
    server.resume();
    await waitUntil(async () => (await api.send('GET /health/ready')).status === 200, {
      what: 'the store',
      timeoutMs: 10_000,
    });
  }, 30_000);
});

(WHY_NO_DISK ? describe.skip : describe)('a disk that is full', () => {
  let disk: SmallDisk;
  let api: TestApp;
  let client: Client;
  let job: Awaited<ReturnType<typeof aRunningJob>>;
  beforeAll(async () => {
    disk = await SmallDisk.mount(16 * MIB);
    api = await startTestApp({ env: { DATA_ROOT: disk.folder } });
    client = new Client(api);
    job = await aRunningJob(api);
  });
  afterAll(async () => {
    await api.close();
    await disk.unmount();
  });

  const filesOf = async (): Promise<string[]> =>
    (await readdir(disk.folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();

  it.each(['a dataset', 'a file of a job'])('should refuse %s with 507 and keep nothing of it', async (what) => {
    const before = [await filesOf(), await client.datasets(), await client.usedBytes()];
    const answer =
      what === 'a dataset'
        ? await client.sendForm(FORM_HEAD + rows(20 * MIB) + FORM_END)
        : await client.send(job.put('a.safetensors'), 'application/octet-stream', rows(20 * MIB));
    expect(await outcomeOf(answer)).toEqual([507, 'storage_full']);
    expect([await filesOf(), await client.datasets(), await client.usedBytes()]).toEqual(before);
    expect([await client.uploads(), await client.artifacts(job.id)]).toEqual([0, []]);
  });

  it('should stop a resumable upload with 507, and go on with it when there is room', async () => {
    const filler = join(disk.folder, 'filler');
    await writeFile(filler, Buffer.alloc(12 * MIB));
    const content = Buffer.from(rows(6 * MIB));
    const tus = { 'tus-resumable': '1.0.0' };
    const fields = { filename: 'rows.jsonl', kind: 'fine-tuning' };
    const metadata = Object.entries(fields).map(([name, value]) => `${name} ${btoa(value)}`);
    const { headers } = await api.send('POST /uploads', {
      headers: { ...tus, 'upload-length': String(content.length), 'upload-metadata': metadata.join(',') },
    });
    const upload = headers.get('location')!;
    const offsetOf = async () =>
      Number((await api.send(`HEAD ${upload}`, { headers: tus })).headers.get('upload-offset'));
    const send = async () => {
      const offset = await offsetOf();
      return fetch(api.url + upload, {
        method: 'PATCH',
        headers: {
          ...tus,
          'x-tenant-id': TENANT,
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(offset),
        },
        body: Uint8Array.from(content.subarray(offset)),
      });
    };
    expect(await outcomeOf(await send())).toEqual([507, 'storage_full']);
    expect(await offsetOf()).toBeLessThan(content.length);
    await rm(filler);
    const rest = await send();
    expect([rest.status, await offsetOf()]).toEqual([204, content.length]);
    expect((await api.send(`POST ${upload}/dataset`)).status).toBe(201);
    expect(await client.uploads()).toBe(0);
  });

  it('should take in again what it refused, when there is room', async () => {
    const filler = join(disk.folder, 'filler');
    const put = async () =>
      (await client.send(job.put('b.safetensors'), 'application/octet-stream', rows(4 * MIB))).status;
    await writeFile(filler, Buffer.alloc(8 * MIB));
    expect([await put(), (await client.sendForm(FORM_HEAD + rows(4 * MIB) + FORM_END)).status]).toEqual([507, 507]);
    await rm(filler);
    expect([await put(), (await client.sendForm(FORM_HEAD + rows(MIB) + FORM_END)).status]).toEqual([200, 201]);
    expect(await client.artifacts(job.id)).toEqual(['b.safetensors']);
  });
});
