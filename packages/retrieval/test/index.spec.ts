import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TrainerEvent } from '@influencerai/shared';
import { buildIndex } from '../src/build-index.js';
import { embed } from '../src/embeddings.js';
import { RETRIEVAL_PROGRAM } from '../src/index.js';
import { readMeta, search, termsOf } from '../src/search.js';

const ROWS = [
  'To reset your password, open the settings and choose Security.',
  'Invoices are sent on the first day of each month.',
  'Der Vertrag endet nach einem Jahr. Über Änderungen wird informiert.',
  'Cats sleep for most of the day.',
];

let folder: string;
let servers: Server[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'index-'));
  servers = [];
});

afterEach(() => {
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

const write = (rows: readonly string[]) => {
  const file = join(folder, 'rows.jsonl');
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return {
    rows: file,
    rowCount: rows.length,
    output: join(folder, 'output', 'x.index.sqlite'),
    metadata: { job_id: 'j1' },
  };
};

/** Builds an index. @returns its file and the events */
const build = async (rows: readonly string[], endpoint?: { url: string; model: string }, signal = never()) => {
  const events: TrainerEvent[] = [];
  const config = write(rows);
  await buildIndex({ config, endpoint, signal, emit: (event) => events.push(event) });
  return { file: config.output, events };
};

const never = (): AbortSignal => new AbortController().signal;

/** Vectors that tell what a text is about, by their own words for it. */
const TOPICS = ['password|credentials', 'invoice|billing', 'contract|vertrag', 'cat|pet'];

interface Asked {
  model: string;
  input: string[];
}

/** A server of embeddings. `fault` may answer in its place. */
const serve = async (fault: (count: number) => [status: number, body: unknown] | undefined = () => undefined) => {
  const asked: { body: Asked; key: string | undefined }[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      asked.push({ body: body as Asked, key: request.headers.authorization });
      const data = (body as Asked).input.map((text, index) => ({
        index,
        embedding: TOPICS.map((topic) => (new RegExp(topic, 'i').test(text) ? 2 : 0.01)),
      }));
      const [status, answer] = fault(asked.length) ?? [200, { data: data.toReversed() }];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, model: 'topics', asked };
};

describe('an index of words', () => {
  it('should find rows by any of the words, the best first, in whatever form they stand', async () => {
    const { file } = await build(ROWS);
    const { mode, hits } = search({ file, query: 'resetting passwords in SETTINGS', limit: 5 });
    expect(mode).toBe('text');
    expect(hits[0]).toEqual({ row: 1, text: ROWS[0], score: expect.any(Number) });
    expect(search({ file, query: 'uber anderungen', limit: 5 }).hits.map(({ row }) => row)).toEqual([3]);
    expect(search({ file, query: 'day', limit: 1 }).hits).toHaveLength(1);
  });

  it.each(['', '"', 'NOT', 'a AND', 'text:cats', 'NEAR(', '*', "'; drop table chunk; --", '\u0000', '(((('])(
    'should take %j for words, and no language',
    async (query) => {
      const { file } = await build(ROWS);
      expect(search({ file, query, limit: 5 }).mode).toBe('text');
    },
  );

  it('should look for so many words at most', () => {
    expect(termsOf(Array.from({ length: 500 }, (_, index) => `w${index}`).join(' '))).toHaveLength(64);
  });

  it('should say which row a part of a long one comes from', async () => {
    const long = `${'Nothing to see. '.repeat(200)}The treasure lies here. ${'More of nothing. '.repeat(200)}`;
    const { file } = await build([ROWS[0]!, long]);
    const [hit] = search({ file, query: 'treasure', limit: 5 }).hits;
    expect(hit).toMatchObject({ row: 2, text: expect.stringContaining('treasure') });
    expect(hit!.text.length).toBeLessThanOrEqual(1000);
  });

  it.each(['\u2028', '\u2029', '\u0085', '\r', '\r\n'])(
    'should take a row with %j in it for one',
    async (separator) => {
      const { file } = await build(['Dogs bark.', `Cats${separator}purr.`, 'Cows moo.']);
      const hit = { row: 2, text: `Cats${separator}purr.`, score: expect.any(Number) };
      expect(search({ file, query: 'purr', limit: 5 }).hits).toEqual([hit]);
      expect(search({ file, query: 'moo', limit: 5 }).hits[0]?.row).toBe(3);
    },
  );

  it('should read rows that are longer than what is read at a time, and a last one without an end', async () => {
    const config = write([`${'x'.repeat(200_000)} needle`, 'short', 'last']);
    writeFileSync(config.rows, readFileSync(config.rows, 'utf8').trimEnd());
    await buildIndex({ config, endpoint: undefined, signal: never(), emit: () => undefined });
    const rowOf = (query: string) => search({ file: config.output, query, limit: 1 }).hits[0]?.row;
    expect(['needle', 'short', 'last'].map(rowOf)).toEqual([1, 2, 3]);
  });

  it('should report how many rows are done, and the file last', async () => {
    const { events } = await build(Array.from({ length: 150 }, (_, index) => `Row ${index}.`));
    expect(events.map(({ event }) => event)).toEqual([
      'start',
      ...Array<string>(5).fill('progress'),
      'checkpoint',
      'done',
    ]);
    expect(events[0]).toMatchObject({ totalSteps: 150 });
    expect(events[5]).toMatchObject({ step: 150 });
    expect(events[6]).toMatchObject({ isFinal: true, path: expect.stringMatching(/x\.index\.sqlite$/) });
  });

  it('should leave nothing when it is stopped', async () => {
    await expect(build(ROWS, undefined, AbortSignal.abort())).rejects.toThrow();
    expect(readdirSync(join(folder, 'output'))).toEqual([]);
  });

  it('should tell what it was made of', async () => {
    const { file } = await build(ROWS);
    expect(readMeta(file)).toEqual({ job_id: 'j1', chunks: '4', format: '1' });
  });
});

describe('an index with vectors', () => {
  it('should find what no word has in common with the query', async () => {
    const endpoint = await serve();
    const { file } = await build(ROWS, endpoint);
    const [vector] = await embed(endpoint, ['my credentials'], { signal: never() });
    const embedding = { model: 'topics', vector: [...vector!] };
    expect(search({ file, query: 'credentials', limit: 3 }).hits).toEqual([]);
    const { mode, hits } = search({ file, query: 'credentials', limit: 3, embedding });
    expect([mode, hits[0]?.row]).toEqual(['hybrid', 1]);
  });

  it('should put first what words and vectors agree on', async () => {
    const { file } = await build(ROWS, await serve());
    const embedding = { model: 'topics', vector: [0, 1, 0, 0] };
    const rows = search({ file, query: 'day', limit: 3, embedding }).hits.map(({ row }) => row);
    expect(rows[0]).toBe(2);
    expect(rows).toContain(4);
  });

  it('should leave vectors of another model aside', async () => {
    const { file } = await build(ROWS, await serve());
    const embedding = { model: 'other', vector: [0, 1, 0, 0] };
    expect(search({ file, query: 'day', limit: 3, embedding }).mode).toBe('text');
  });

  it('should ask for many texts at once, and again after faults that may pass', async () => {
    const endpoint = await serve((count) => (count === 2 ? [503, {}] : count === 3 ? [429, {}] : undefined));
    await build(
      Array.from({ length: 100 }, (_, index) => `Row ${index}.`),
      endpoint,
    );
    expect(endpoint.asked.map(({ body }) => body.input.length)).toEqual([32, 32, 32, 32, 32, 4]);
  });

  it.each<[string, [number, unknown]]>([
    ['a refusal', [401, { error: 'no' }]],
    ['no vectors', [200, { data: [] }]],
    ['another form', [200, { vectors: [[1]] }]],
    ['numbers that are none', [200, { data: [{ index: 0, embedding: ['1'] }] }]],
  ])('should end with a reason on %s, and leave nothing', async (_, answer) => {
    const endpoint = await serve(() => answer);
    await expect(build(['One.'], endpoint)).rejects.toThrow('The embedding endpoint');
    expect(endpoint.asked).toHaveLength(1);
    expect(readdirSync(join(folder, 'output'))).toEqual([]);
  });

  it('should ask again when an answer breaks off or does not end in time', async () => {
    const body = JSON.stringify({ data: [{ index: 0, embedding: [3, 4] }] });
    let asked = 0;
    const server = createServer((request, response) => {
      request.resume();
      asked += 1;
      response.writeHead(200, { 'content-length': body.length });
      if (asked === 3) return void response.end(body);
      response.write(body.slice(0, 5), () => (asked === 1 ? response.destroy() : undefined));
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const endpoint = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, model: 'topics' };
    const options = { signal: never(), attempts: 3, firstPauseMs: 1, timeoutMs: 500 };
    expect(await embed(endpoint, ['x'], options)).toEqual([Float32Array.of(0.6, 0.8)]);
    expect(asked).toBe(3);
  });

  it('should give up on an endpoint that stays away', async () => {
    const endpoint = await serve(() => [500, {}]);
    const options = { signal: never(), attempts: 3, firstPauseMs: 1 };
    await expect(embed({ ...endpoint, apiKey: 'k' }, ['x'], options)).rejects.toThrow('answers 500');
    expect(endpoint.asked.map(({ key }) => key)).toEqual(['Bearer k', 'Bearer k', 'Bearer k']);
  });
});

describe('a file that is no index', () => {
  it('should be refused whatever it holds', () => {
    const file = join(folder, 'x.sqlite');
    writeFileSync(file, 'SQLite format 3\0 and nothing of it');
    expect(() => search({ file, query: 'x', limit: 1 })).toThrow();
  });

  it('should get nothing written or attached by its schema', () => {
    const file = join(folder, 'x.sqlite');
    const database = new DatabaseSync(file);
    database.exec(`create table meta (key, value); insert into meta values ('format', '1');
      create view chunk as with recursive n (i) as (select 1 union all select i + 1 from n) select i as id, 1 as row, 'x' as text from n;
      create table words (text)`);
    database.close();
    expect(() => search({ file, query: 'x', limit: 1 })).toThrow();
  });
});

describe('the program', () => {
  const run = (config: object, env: Record<string, string> = {}) => {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(config));
    const child = spawn(process.execPath, [RETRIEVAL_PROGRAM, '--config', file], { cwd: folder, env });
    const lines: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
    return { child, events: () => lines.map((line) => JSON.parse(line) as TrainerEvent), closed: once(child, 'close') };
  };

  it('should build an index and end', async () => {
    const { closed, events } = run({ ...write(ROWS), output: 'output/y.index.sqlite' });
    expect((await closed)[0]).toBe(0);
    expect(events().at(-1)).toEqual({ event: 'done', step: 4 });
    expect(search({ file: join(folder, 'output/y.index.sqlite'), query: 'cats', limit: 1 }).hits[0]?.row).toBe(4);
  });

  it.each(['SIGTERM', 'the end of its input'])('should stop on %s', async (how) => {
    const waiting = Promise.withResolvers<void>();
    const server = createServer(() => waiting.resolve()).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const config = { ...write(ROWS), output: 'output/y.index.sqlite' };
    const { child, closed, events } = run(config, { EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: 'm' });
    await waiting.promise;
    if (how === 'SIGTERM') child.kill('SIGTERM');
    else child.stdin.end();
    expect((await closed)[0]).toBe(0);
    expect(events().at(-1)).toEqual({ event: 'aborted', step: 0 });
    expect(existsSync(join(folder, 'output/y.index.sqlite'))).toBe(false);
  });

  it('should say why it failed, and not with which key', async () => {
    const { url } = await serve(() => [401, {}]);
    const env = { EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: 'm', EMBEDDINGS_API_KEY: 'secret-key' };
    const { closed, events } = run(write(ROWS), env);
    expect((await closed)[0]).toBe(1);
    expect(events().at(-1)).toMatchObject({ event: 'error', code: 'embeddings_unavailable' });
    expect(JSON.stringify(events())).not.toContain('secret-key');
  });
});
