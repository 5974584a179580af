import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import type { Face } from './face.js';
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

  it('should name the face that is spoken', async () => {
    const server = fastify({ genReqId: () => 'a' });
    bindRequestIds(server);
    const face = { name: 'submit' } as Face;
    server.route({ method: 'GET', url: '/', config: { face }, handler: () => Promise.resolve(requestFields()) });
    expect((await server.inject('/')).json()).toEqual({ requestId: 'a', dialect: 'submit' });
  });

  it('should name none outside of requests', () => expect(requestFields()).toEqual({}));
});
