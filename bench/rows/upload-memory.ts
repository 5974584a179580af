import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TENANT } from '../jobs.ts';
import type { Figure, Row } from '../row.ts';
import type { System } from '../system.ts';

const MIB = 2 ** 20;
const TARGET_MIB = 64;
const CHUNK = Buffer.from(`${JSON.stringify({ text: 'x'.repeat(1012) })}\n`.repeat(64));
const TUS = { 'x-tenant-id': TENANT, 'tus-resumable': '1.0.0' };
const BOUNDARY = 'bench-upload-boundary';

/** Both uploads are the same tar archive of one large file, made while it is sent. */
export const uploadMemory: Row = {
  name: 'upload-memory',
  about: 'memory of the API above idle while 1 GiB is uploaded, in one form and by tus with a cut at half',
  measure: async (system, options) => {
    const chunks = ((options.isQuick ? 64 : 1024) * MIB) / CHUNK.length;
    const url = await system.api(await system.database('uploads'));
    await sendForm(url, 16);
    const figures: Figure[] = [];
    for (const [how, send] of [
      ['one form', sendForm],
      ['tus, cut at half', sendInHalves],
    ] as const) {
      options.say(`upload-memory: ${how}`);
      figures.push(await measure(how, { system, url, chunks, send }));
    }
    return figures;
  },
};

interface Upload {
  system: System;
  url: string;
  chunks: number;
  send: (url: string, chunks: number) => Promise<string>;
}

async function measure(how: string, { system, url, chunks, send }: Upload): Promise<Figure> {
  const pid = system.pidOf(url);
  await sleep(2_000);
  const idle = await residentBytes(pid);
  const watch = new Peak(pid);
  const started = Date.now();
  const id = await send(url, chunks);
  const seconds = (Date.now() - started) / 1000;
  const above = ((await watch.stop()) - idle) / MIB;
  // Counting the rows goes on in the background, as for any dataset.
  await ready(url, id);
  const isWhole = (await sha256(path.join(system.data, 'datasets/uploads', id, 'rows.jsonl'))) === expected(chunks);
  if (!isWhole) throw new Error(`${how}: what is stored is not what was sent.`);
  const sent = (chunks * CHUNK.length) / MIB;
  return {
    what: `upload of ${sent} MiB as tar, ${how}: memory of the API`,
    ours: `${((above * MIB + idle) / MIB).toFixed(0)} MiB at most, ${(sent / seconds).toFixed(0)} MiB/s, checksum equal`,
    baseline: `${(idle / MIB).toFixed(0)} MiB idle`,
    figure: `+ ${above.toFixed(0)} MiB`,
    target: `≤ ${TARGET_MIB} MiB`,
    isReached: above <= TARGET_MIB,
  };
}

/** The highest resident memory of a process, looked at many times a second. */
class Peak {
  private bytes = 0;
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(pid: number) {
    this.done = this.watch(pid);
  }

  async stop(): Promise<number> {
    this.isOver = true;
    await this.done;
    return this.bytes;
  }

  private async watch(pid: number): Promise<void> {
    while (!this.isOver) {
      // A process that has ended uses nothing; whoever talks to it says so.
      this.bytes = Math.max(this.bytes, await residentBytes(pid).catch(() => 0));
      await sleep(20);
    }
  }
}

/** Linux only, like the rest of what the benchmarks start. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

async function sendForm(url: string, chunks: number): Promise<string> {
  const field = (name: string) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"`;
  function* form() {
    yield Buffer.from(`${field('kind')}\r\n\r\nfine-tuning\r\n${field('files')}; filename="rows.tar"\r\n\r\n`);
    yield* tar(chunks, 0);
    yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  }
  const response = await send(`${url}/datasets/upload`, 'POST', form(), {
    'x-tenant-id': TENANT,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
  });
  return ((await response.json()) as { id: string }).id;
}

/** The first half breaks off in the midst; the second begins where the server says. */
async function sendInHalves(url: string, chunks: number): Promise<string> {
  const size = 512 + chunks * CHUNK.length + 1024;
  const metadata = { filename: 'rows.tar', kind: 'fine-tuning' };
  const created = await fetch(`${url}/uploads`, {
    method: 'POST',
    headers: {
      ...TUS,
      'upload-length': String(size),
      'upload-metadata': Object.entries(metadata)
        .map(([key, value]) => `${key} ${btoa(value)}`)
        .join(','),
    },
  });
  const id = created.headers.get('location')?.split('/').at(-1) ?? '';
  const patch = (offset: number, body: Iterable<Buffer>) =>
    send(`${url}/uploads/${id}`, 'PATCH', body, {
      ...TUS,
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    });
  await patch(0, cutAfter(size / 2, tar(chunks, 0))).catch(() => undefined);
  const asked = await fetch(`${url}/uploads/${id}`, { method: 'HEAD', headers: TUS });
  const offset = Number(asked.headers.get('upload-offset'));
  if (!(offset > size / 4 && offset < size)) throw new Error(`The cut left ${offset} of ${size} bytes.`);
  await patch(offset, tar(chunks, offset));
  await (await fetch(`${url}/uploads/${id}/dataset`, { method: 'POST', headers: TUS })).text();
  return id;
}

async function send(url: string, method: string, body: Iterable<Buffer>, headers: Record<string, string>) {
  const response = await fetch(url, {
    method,
    headers,
    body: ReadableStream.from(body),
    duplex: 'half',
  } as unknown as RequestInit);
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${await response.text()}`);
  return response;
}

function* cutAfter(bytes: number, content: Iterable<Buffer>): Generator<Buffer> {
  let sent = 0;
  for (const chunk of content) {
    if ((sent += chunk.length) > bytes) throw new Error('The line breaks here.');
    yield chunk;
  }
}

/** An archive of one file, `rows.jsonl`, from a byte on. */
function* tar(chunks: number, from: number): Generator<Buffer> {
  let at = 0;
  const rest = function* (part: Buffer) {
    if (at + part.length > from) yield part.subarray(Math.max(0, from - at));
    at += part.length;
  };
  yield* rest(tarHeader('rows.jsonl', chunks * CHUNK.length));
  for (let index = 0; index < chunks; index += 1) yield* rest(CHUNK);
  yield* rest(Buffer.alloc(1024));
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function expected(chunks: number): string {
  const hash = createHash('sha256');
  for (let index = 0; index < chunks; index += 1) hash.update(CHUNK);
  return hash.digest('hex');
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function ready(url: string, id: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const response = await fetch(`${url}/datasets/${id}`, { headers: { 'x-tenant-id': TENANT } });
    const { status } = (await response.json()) as { status: string };
    if (status === 'ready') return;
    if (status === 'failed' || Date.now() > deadline) throw new Error(`The dataset is ${status}.`);
    await sleep(100);
  }
}
