import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import { bindRequestIds, requestFields } from './request-context.js';

const ask = async (ids: string[], payload?: object) => {
  let next = 0;
  const server = fastify({ genReqId: () => ids[next++] ?? '' });
  bindRequestIds(server);
  const handler = async () => {
    await setImmediate();
    return requestFields();
  };
  server.route({ method: ['GET', 'POST'], url: '/', handler });
  const method = payload ? 'POST' : 'GET';
  const answers = await Promise.all(ids.map(() => server.inject({ method, url: '/', payload })));
  return answers.map((answer) => answer.json<unknown>());
};

describe(requestFields, () => {
  it('should name the request that is worked on, whatever else runs', async () => {
    expect(await ask(['a', 'b'])).toEqual([{ requestId: 'a' }, { requestId: 'b' }]);
  });

  it('should name it behind a body, too', async () => {
    expect(await ask(['a', 'b'], { some: 'body' })).toEqual([{ requestId: 'a' }, { requestId: 'b' }]);
  });

  it('should name none outside of requests', () => expect(requestFields()).toEqual({}));
});
