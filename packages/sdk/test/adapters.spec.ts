import { describe, expect, it } from '@jest/globals';
import { startServer } from './support/test-server.js';

describe('adapters', () => {
  it('should ask for what the methods are called after', async () => {
    await using server = await startServer(({ path }) =>
      path === '/adapters' ? { data: [], total: 0 } : { name: 'a b' },
    );
    const { adapters } = server.client();
    await adapters.list({ baseModel: 'Qwen/Qwen2.5-0.5B', take: 5 });
    await adapters.get('a b');
    await adapters.update('a', { description: 'For the shop' });
    await adapters.load('a', { runtime: 'chat' });
    await adapters.load('a');
    await adapters.generate('a', { prompt: 'Hello', seed: 7 });
    await adapters.unload('a');
    await adapters.delete('a');
    const asked = server.received.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
    expect(asked).toEqual([
      'GET /adapters',
      'GET /adapters/a%20b',
      'PATCH /adapters/a {"description":"For the shop"}',
      'POST /adapters/a/load {"runtime":"chat"}',
      'POST /adapters/a/load {}',
      'POST /adapters/a/generate {"prompt":"Hello","seed":7}',
      'POST /adapters/a/unload',
      'DELETE /adapters/a',
    ]);
    expect(server.received[0]?.query).toEqual({ baseModel: 'Qwen/Qwen2.5-0.5B', take: '5' });
  });

  it('should download the weights, or a range of them', async () => {
    await using server = await startServer(({ headers }, response) =>
      response.writeHead(headers.range === undefined ? 200 : 206).end('weights'),
    );
    const { adapters } = server.client();
    expect(await (await adapters.download('a')).text()).toBe('weights');
    expect((await adapters.download('a', { range: { start: 2 } })).status).toBe(206);
    expect(server.received.map(({ path, headers }) => [path, headers.range])).toEqual([
      ['/adapters/a/download', undefined],
      ['/adapters/a/download', 'bytes=2-'],
    ]);
  });
});
