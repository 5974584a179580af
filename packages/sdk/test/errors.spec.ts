import { describe, expect, it } from '@jest/globals';
import * as sdk from '../src/index.js';
import { sendJson, startServer } from './support/test-server.js';

const CLASSES: [number, new (init: sdk.APIErrorInit) => sdk.APIError][] = [
  [400, sdk.BadRequestError],
  [401, sdk.AuthenticationError],
  [403, sdk.PermissionDeniedError],
  [404, sdk.NotFoundError],
  [409, sdk.ConflictError],
  [418, sdk.APIError],
  [422, sdk.UnprocessableEntityError],
  [429, sdk.RateLimitError],
  [500, sdk.InternalServerError],
  [503, sdk.InternalServerError],
];

const failWith = async (status: number, body: unknown, headers?: Record<string, string>): Promise<sdk.APIError> => {
  await using server = await startServer((_request, response) => sendJson(response, status, body, headers));
  const call = server.client({ maxRetries: 0 }).jobs.get('j');
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof sdk.APIError) return outcome;
  throw new Error('The call did not fail as it should.', { cause: outcome });
};

describe('errors', () => {
  it.each(CLASSES)('should map %i to its class', async (status, ErrorClass) => {
    const error = await failWith(status, { statusCode: status, message: 'No.' });
    expect(error.constructor).toBe(ErrorClass);
    expect(error).toBeInstanceOf(sdk.InfluencerAIError);
    expect(error).toMatchObject({ name: ErrorClass.name, message: 'No.', status, statusCode: status });
  });

  it('should carry everything the body says', async () => {
    const errors = {
      fieldErrors: { learningRate: ['Number must be greater than 0.000001'] },
      issues: [{ pointer: '/learningRate', message: 'Number must be greater than 0.000001' }],
    };
    const body = { statusCode: 400, message: 'Validation failed', code: 'validation_failed', errors };
    const error = await failWith(400, body, { 'x-request-id': 'r-7' });
    expect(error).toMatchObject({ code: 'validation_failed', errors, body, requestId: 'r-7' });
    expect(error.headers.get('x-request-id')).toBe('r-7');
  });

  it('should cope with bodies of other making', async () => {
    const error = await failWith(502, null);
    expect(error).toMatchObject({ message: 'The server answered 502 Bad Gateway', code: undefined, errors: undefined });
  });

  it('should say how long the server asked to wait', async () => {
    const error = await failWith(429, { message: 'Slow down.' }, { 'retry-after': '7' });
    expect(error.retryAfterMs).toBe(7000);
  });

  it('should tell a connection that fails', async () => {
    const client = new sdk.InfluencerAIClient({ baseUrl: 'http://127.0.0.1:1', maxRetries: 0 });
    await expect(client.jobs.get('j')).rejects.toMatchObject({
      name: 'ConnectionError',
      message: 'The connection to http://127.0.0.1:1/jobs/j failed (TypeError: fetch failed).',
      cause: { name: 'TypeError' },
    });
  });

  it('should tell a server that is too slow', async () => {
    await using server = await startServer(() => undefined);
    const call = server.client({ timeoutMs: 20, maxRetries: 0 }).jobs.get('j');
    await expect(call).rejects.toThrow(sdk.TimeoutError);
  });

  it('should hold the time limit while the body is read', async () => {
    await using server = await startServer((_request, response) => void response.writeHead(200).write('{'));
    const call = server.client({ timeoutMs: 50, maxRetries: 0 }).jobs.get('j');
    await expect(call).rejects.toThrow(sdk.TimeoutError);
  });

  it('should tell an abort, with its reason', async () => {
    await using server = await startServer(() => undefined);
    const signal = AbortSignal.timeout(20);
    const error: unknown = await server
      .client()
      .jobs.get('j', { signal })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(sdk.AbortError);
    expect(error).toMatchObject({ name: 'AbortError', cause: { name: 'TimeoutError' } });
  });

  it('should send nothing when the signal was aborted before', async () => {
    await using server = await startServer(() => ({}));
    const call = server.client().jobs.get('j', { signal: AbortSignal.abort() });
    await expect(call).rejects.toThrow(sdk.AbortError);
    expect(server.received).toHaveLength(0);
  });
});
