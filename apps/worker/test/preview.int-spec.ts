import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JobPreviewSchema, PreviewJobSchema } from '@influencerai/shared';
import { execa } from 'execa';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aSpec, Host } from './host.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const preview = async (content: unknown, args: string[] = [], overrides: Record<string, string> = {}) => {
  const file = join(host.dir, 'job.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return execa(process.execPath, [MAIN, 'preview', file, ...args], {
    env: host.variables({ TRAINERS_DIR: join(host.dir, 'trainers'), ...overrides }),
    extendEnv: false,
    reject: false,
  });
};

describe('bin/worker preview', () => {
  it('should plan a frozen spec with what this host has', async () => {
    const { stdout, exitCode } = await preview(aSpec(), ['--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      plannedBy: 'worker',
      trainer: 'tiny',
      command: ['tiny', '--config', '/workspace/config.json'],
      steps: { perEpoch: 2, total: 8 },
      diskBytes: expect.any(Number),
      examples: 2,
      files: [{ path: 'config.json', sizeBytes: expect.any(Number) }],
      mapping: expect.arrayContaining([{ field: 'network.dim', how: 'exact', to: 'network.dim=4' }]),
    });
  });

  it('should print a table, also of what holds the spec', async () => {
    const { stdout } = await preview({ jobId: 'j1', spec: aSpec() });
    expect(stdout).toMatch(/^trainer +tiny$/m);
    expect(stdout).toMatch(/^command +tiny --config \/workspace\/config\.json$/m);
    expect(stdout).toMatch(/^steps +8, 2 an epoch$/m);
    expect(stdout).toMatch(/^files +config\.json \(\d+ bytes\)$/m);
    expect(stdout).toMatch(/^dropped +training\.resolution\n +→ Text has no resolution\.$/m);
  });

  it('should ask the API about a submission, for the tenant that is named', async () => {
    const asked: unknown[] = [];
    const { server, url } = await anApi(JobPreviewSchema.meta()?.['example'], asked);
    const body = PreviewJobSchema.meta()?.['example'];
    const { stdout, exitCode } = await preview(body, ['--tenant', 'tenant_a', '--json'], { API_URL: url });
    server.close();
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ plannedBy: 'api', steps: { total: 390 }, fileCount: 1 });
    expect(asked).toEqual([['POST', '/jobs/preview', 'tenant_a']]);
  });

  it.each([
    ['what is no job', { a: 1 }, 'neither the spec of a job'],
    ['what is no JSON', '{', 'is no JSON'],
    ['a dataset that is not here', aSpec({ dataset: { ...aSpec().dataset, path: 'data/none' } }), 'does not exist'],
    ['what TRL refuses', aSpec({ trainer: 'trl', baseModel: 'a/b', extra: { maxLength: 1 } }), 'meta.maxLength'],
  ])('should refuse %s in one line', async (_, content, reason) => {
    const { stdout, stderr, exitCode } = await preview(content);
    expect([stdout, exitCode]).toEqual(['', 1]);
    expect(stderr).toContain(reason);
    expect(stderr.split('\n')).toHaveLength(1);
  });
});

const anApi = async (answer: unknown, asked: unknown[]): Promise<{ server: Server; url: string }> => {
  const server = createServer(({ method, url, headers }, response) => {
    asked.push([method, url, headers['x-tenant-id']]);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};
