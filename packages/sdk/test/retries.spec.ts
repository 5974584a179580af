import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import {
  AbortError,
  ConflictError,
  ConnectionError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from '../src/index.js';
import { sendJson, startServer, type Handler } from './support/test-server.js';

const payload = { datasetId: 'd', loraConfigId: 'l' };
const AT_ONCE = { 'retry-after-ms': '1' };

/** Fails so often, then answers. */
const failing =
  (times: number, fail: (response: ServerResponse) => void): Handler =>
  ({ index }, response) =>
    index < times ? fail(response) : { id: 'x' };

const refuse =
  (status: number, { code = 'internal', ...headers }: Record<string, string> = AT_ONCE) =>
  (response: ServerResponse): void =>
    sendJson(response, status, { statusCode: status, message: 'No.', code }, headers);

const cut = (response: ServerResponse): void => void response.destroy();

describe('retries', () => {
  it.each([408, 429, 500, 502, 503, 504])('should try again after %i', async (status) => {
    await using server = await startServer(failing(2, refuse(status)));
    await expect(server.client().jobs.get('j')).resolves.toEqual({ id: 'x' });
    expect(server.received).toHaveLength(3);
  });

  it.each([
    [404, NotFoundError],
    [409, ConflictError],
  ])('should not try again after %i', async (status, ErrorClass) => {
    await using server = await startServer(failing(1, refuse(status)));
    await expect(server.client().jobs.get('j')).rejects.toThrow(ErrorClass);
    expect(server.received).toHaveLength(1);
  });

  it('should give up after two, or as many as it is told', async () => {
    await using server = await startServer(failing(9, refuse(500)));
    await expect(server.client().jobs.get('j')).rejects.toThrow(InternalServerError);
    expect(server.received).toHaveLength(3);
    await expect(server.client().jobs.get('j', { maxRetries: 0 })).rejects.toThrow(InternalServerError);
    expect(server.received).toHaveLength(4);
  });

  it('should wait as long as Retry-After says, in seconds', async () => {
    await using server = await startServer(failing(1, refuse(429, { 'retry-after': '1' })));
    const start = Date.now();
    await server.client().jobs.get('j');
    expect(Date.now() - start).toBeGreaterThanOrEqual(990);
  });

  it('should wait as long as Retry-After says, as a date', async () => {
    const date = () => new Date(Date.now() + 1500).toUTCString();
    await using server = await startServer(failing(1, (response) => refuse(503, { 'retry-after': date() })(response)));
    const start = Date.now();
    await server.client().jobs.get('j');
    expect(Date.now() - start).toBeGreaterThanOrEqual(450);
  });

  it('should leave it to the caller to wait for long', async () => {
    await using server = await startServer(failing(1, refuse(429, { 'retry-after': '3600' })));
    await expect(server.client().jobs.get('j')).rejects.toThrow(RateLimitError);
    expect(server.received).toHaveLength(1);
  });

  it('should repeat a creation under the same key after a lost connection', async () => {
    await using server = await startServer(failing(1, cut));
    await server.client().jobs.create({ type: 'lora-training', payload });
    const [first, second] = server.received.map(({ headers }) => headers['idempotency-key']);
    expect(first).toBeDefined();
    expect(second).toBe(first);
  });

  it('should wait for its own first attempt when that still runs', async () => {
    await using server = await startServer(failing(1, refuse(409, { ...AT_ONCE, code: 'idempotency_key_in_use' })));
    await expect(server.client().jobs.create({ type: 'lora-training', payload })).resolves.toEqual({ id: 'x' });
  });

  it('should leave a quota that is used up to the caller', async () => {
    await using server = await startServer(failing(1, refuse(429, { ...AT_ONCE, code: 'quota_exceeded' })));
    await expect(server.client().jobs.get('1')).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(server.received).toHaveLength(1);
  });

  it('should repeat writes that have the same effect twice', async () => {
    await using server = await startServer(failing(1, refuse(500)));
    await server.client().jobs.update('j', { status: 'running' });
    expect(server.received.map(({ method }) => method)).toEqual(['PATCH', 'PATCH']);
  });

  it('should not repeat a claim that may have succeeded', async () => {
    await using server = await startServer(failing(1, cut));
    await expect(server.client().workers.claim('w', { trainers: ['tiny'] })).rejects.toThrow(ConnectionError);
    expect(server.received).toHaveLength(1);
  });

  it('should repeat a claim that was refused for its rate, or carries a key', async () => {
    await using refusing = await startServer(failing(1, refuse(429)));
    await refusing.client().workers.claim('w', { trainers: ['tiny'] });
    await using broken = await startServer(failing(1, refuse(500)));
    await broken.client().workers.claim('w', { trainers: ['tiny'] }, { idempotencyKey: 'k' });
    expect([refusing.received.length, broken.received.length]).toEqual([2, 2]);
  });

  it('should stop waiting when it is aborted', async () => {
    await using server = await startServer(failing(9, refuse(500, { 'retry-after': '30' })));
    const call = server.client().jobs.get('j', { signal: AbortSignal.timeout(100) });
    await expect(call).rejects.toThrow(AbortError);
  });

  it('should try again when an answer breaks off', async () => {
    await using server = await startServer(({ index }, response) => {
      if (index > 0) return { id: 'x' };
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"id"');
      setTimeout(() => response.destroy(), 20);
      return undefined;
    });
    await expect(server.client().jobs.get('j')).resolves.toEqual({ id: 'x' });
  });
});
