import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { DatabaseSync } from 'node:sqlite';
import { aSpec, Host } from './host.js';
import { until } from './until.js';

const ID = '00000000-0000-4000-8000-000000000001';
const SPEC = aSpec({
  trainer: 'retrieval',
  requestedTrainer: 'retrieval',
  baseModel: 'any/model',
  extra: { method: 'retrieval' },
});

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

/** An index, as the API got it. */
const read = (content: Buffer, sql: string): unknown[] => {
  const database = new DatabaseSync(':memory:');
  database.deserialize(content);
  return database
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }));
};

describe('a job that makes an index', () => {
  it('should end with the index of all rows', async () => {
    const job = host.api.addJob(ID, SPEC);
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result).toEqual({
      indexPath: 'data/loras/x/x.index.sqlite',
      steps: 2,
      trainingTimeMinutes: expect.any(Number),
      trainer: 'retrieval',
      requestedTrainer: 'retrieval',
      trainerVersion: expect.any(String),
    });
    const artifacts = [...job.artifacts.values()];
    expect(artifacts.map(({ meta }) => `${meta.kind} ${meta.name}`)).toEqual(['index x.index.sqlite']);
    expect(read(artifacts[0]!.content, 'select row, text from chunk')).toEqual([
      { row: 1, text: 'to be or not to be' },
      { row: 2, text: 'that is the question' },
    ]);
    expect(job.metrics.size).toBe(0);
    expect(job.logs.at(-1)?.text).toBe('Completed: data/loras/x/x.index.sqlite');
  });

  it('should ask the endpoint of the operator for vectors, with a key that no log shows', async () => {
    const keys: (string | undefined)[] = [];
    const answer = async (request: IncomingMessage): Promise<string> => {
      keys.push(request.headers.authorization);
      const { input } = (await json(request)) as { input: string[] };
      return JSON.stringify({ data: input.map((_, index) => ({ index, embedding: [0, 1] })) });
    };
    const server = createServer((request, response) => void answer(request).then((text) => response.end(text)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const job = host.api.addJob(ID, SPEC);
    await host.startAgent({
      EMBEDDINGS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      EMBEDDINGS_MODEL: 'topics',
      EMBEDDINGS_API_KEY: 'a-secret-key',
    });
    await until('the job to complete', () => job.status === 'completed');
    server.close();
    expect(keys).toEqual(['Bearer a-secret-key']);
    expect(read([...job.artifacts.values()][0]!.content, 'select id from vector')).toHaveLength(2);
    expect(JSON.stringify(job.logs)).not.toContain('a-secret-key');
  });

  it('should stop when it is cancelled, and leave no index', async () => {
    const asked = Promise.withResolvers<void>();
    const server = createServer(() => asked.resolve());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const job = host.api.addJob(ID, SPEC);
    await host.startAgent({
      EMBEDDINGS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      EMBEDDINGS_MODEL: 'topics',
    });
    await asked.promise;
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    server.close().closeAllConnections();
    expect(job.artifacts.size).toBe(0);
  });
});
