import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Child, freePort } from '../src/index.js';

const SERVER = `
  import { createServer } from 'node:http';
  createServer((_request, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => { console.log('draining'); process.exit(0); });`;

describe(Child.name, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'child-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const run = async (source: string, env: NodeJS.ProcessEnv = {}) => {
    const script = path.join(folder, 'main.mjs');
    await writeFile(script, source);
    const lines: string[] = [];
    const child = new Child({ name: 'sample', script, env, cwd: folder, onLine: (line) => lines.push(line) });
    return { child, lines };
  };

  it('should be ready when its URL answers, and drain when it is stopped', async () => {
    const port = await freePort();
    const { child, lines } = await run(SERVER, { PORT: String(port) });
    await child.waitForReady(`http://127.0.0.1:${port}/`);
    await child.stop(5_000);
    expect(await child.ended).toBe('ended with code 0');
    expect(lines).toEqual(['draining']);
  });

  it('should fail with its last words when it ends before', async () => {
    const { child } = await run(`console.error('no disk'); process.exit(3);`);
    const port = await freePort();
    await expect(child.waitForReady(`http://127.0.0.1:${port}/`)).rejects.toThrow('sample ended with code 3.\nno disk');
  });

  it('should be killed when it does not stop in time', async () => {
    const { child, lines } = await run(
      `process.on('SIGTERM', () => undefined); setInterval(() => console.log('busy'), 20);`,
    );
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await child.stop(100);
    expect(await child.ended).toBe('ended by SIGKILL');
  });
});
