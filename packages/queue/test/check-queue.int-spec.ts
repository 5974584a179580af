import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findRedisProgram, freePort, startRedis } from '@influencerai/local';
import { checkQueue, queueConnection, QueueUnavailableError } from '../src/index.js';

const program = await findRedisProgram();

describe('checkQueue', () => {
  it.each(['redis', 'postgres'] as const)(
    'should name a %s that does not answer, without its password',
    async (backend) => {
      const port = await freePort();
      const url = `${backend}://user:hidden@127.0.0.1:${port}/0`;
      const error = await checkQueue({ backend, url }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(QueueUnavailableError);
      const { message } = error as Error;
      expect(message).toContain(`127.0.0.1:${port} does not answer (ECONNREFUSED)`);
      expect(message).not.toMatch(/hidden|\n/);
    },
  );

  it('should give up on an address that accepts and says nothing', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const check = checkQueue({ backend: 'redis', url: `redis://127.0.0.1:${port}` });
    await expect(check).rejects.toThrow('no answer within 3 s');
    silent.close();
  });

  (program ? it : it.skip)('should refuse a Redis that evicts', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'queue-test-'));
    const server = await startRedis({ program: program as string, folder, maxmemoryPolicy: 'allkeys-lru' });
    await expect(checkQueue({ backend: 'redis', url: server.url })).rejects.toThrow(
      /may evict messages \(maxmemory-policy is allkeys-lru\): set maxmemory-policy to noeviction/,
    );
    await server.stop();
    await rm(folder, { recursive: true });
  });
});

describe('queueConnection', () => {
  it('should take Redis where it is given, else PostgreSQL', () => {
    const databaseUrl = 'postgresql://host/db';
    expect(queueConnection({ redisUrl: 'redis://host', databaseUrl })).toEqual({
      backend: 'redis',
      url: 'redis://host',
    });
    expect(queueConnection({ databaseUrl })).toEqual({ backend: 'postgres', url: databaseUrl });
  });
});
