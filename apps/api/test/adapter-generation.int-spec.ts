import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Adapter, Generated } from '@influencerai/shared';
import { TINY_PROGRAM } from '@influencerai/tiny';
import sharp from 'sharp';
import { AdaptersFixture, trainTiny } from './adapters-fixture.js';
import { startReplica, startTestApp, TENANT, type TestApp } from './test-app.js';

const run = promisify(execFile);
const SENTENCE = 'Put the parcel back in its box.';

let api: TestApp;
let fixture: AdaptersFixture;
beforeAll(async () => {
  api = await startTestApp({ env: { SERVING_TINY_SLOTS: '1' } });
  fixture = new AdaptersFixture(api);
  await fixture.train({ name: 'writer', weights: await trainTiny('text', SENTENCE) });
  await api.send('POST /adapters/writer/load');
});
afterAll(() => api.close());

const generate = (name: string, body: object, at = api) =>
  at.send<Generated>(`POST /adapters/${name}/generate`, { body });

/** How many of the built-in models run for somebody on this machine. */
const running = async (prompt: string): Promise<number> => {
  const { stdout } = await run('ps', ['-eo', 'args']);
  expect(stdout).not.toContain(prompt);
  return stdout.split('\n').filter((line) => line.includes(TINY_PROGRAM) && line.includes('serve-once')).length;
};

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('the built-in text model', () => {
  it('should say with the adapter what it learned, and without it what it always said', async () => {
    const before = await generate('writer', { prompt: 'Put the', seed: 7, withAdapter: false });
    const after = await generate('writer', { prompt: 'Put the', seed: 7 });
    expect(after.body).toEqual({
      runtime: 'tiny',
      seed: 7,
      withAdapter: true,
      text: expect.stringContaining('parcel'),
      image: null,
    });
    expect(before.body.text).not.toContain('parcel');
  });

  it('should say the same again for the same seed, on another replica too', async () => {
    const replica = await startReplica(api);
    try {
      const [one, two] = await Promise.all([
        generate('writer', { prompt: 'Who are you?', seed: 5, withAdapter: false }),
        generate('writer', { prompt: 'Who are you?', seed: 5, withAdapter: false }, replica),
      ]);
      expect(one.body).toEqual(two.body);
      const other = await generate('writer', { prompt: 'Who are you?', seed: 6, withAdapter: false });
      expect(other.body.text).not.toBe(one.body.text);
    } finally {
      await replica.close();
    }
  });

  it('should stop where it is told to', async () => {
    const { body } = await generate('writer', { prompt: 'Ünder', maxTokens: 3 });
    expect(Buffer.byteLength(body.text!)).toBeLessThanOrEqual(3 * '\uFFFD'.length * 3);
    expect(body.text).not.toContain('Ünder');
  });

  it('should take no prompt for anything but text', async () => {
    for (const prompt of ['--help', '$(touch /tmp/x)', '{"kind":"image"}\n'])
      expect((await generate('writer', { prompt, maxTokens: 4 })).status).toBe(200);
  });

  it.each([
    [{}, 'prompt'],
    [{ prompt: '' }, 'prompt'],
    [{ prompt: 'x'.repeat(4001) }, 'prompt'],
    [{ prompt: 'a', seed: -1 }, 'seed'],
    [{ prompt: 'a', seed: 0.5 }, 'seed'],
    [{ prompt: 'a', maxTokens: 0 }, 'maxTokens'],
    [{ prompt: 'a', withAdapter: 'yes' }, 'withAdapter'],
  ])('should refuse %j', async (body, field) => {
    const { status, problem } = await generate('writer', body);
    expect([status, Object.keys(problem.errors?.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('should say that it is not loaded before it is, and after it was', async () => {
    await fixture.train({ name: 'sleeper', weights: 'whatever' });
    expect((await generate('sleeper', { prompt: 'a' })).problem.code).toBe('adapter_not_loaded');
  });

  it('should refuse weights that are none, or of another model', async () => {
    await fixture.train({ name: 'noise', weights: 'no safetensors at all' });
    const { status, problem } = await api.send('POST /adapters/noise/load');
    expect([status, problem.code]).toEqual([400, 'adapter_refused']);
    expect(problem.message).toContain('header length');
    expect((await api.send<Adapter>('GET /adapters/noise')).body.status).toBe('failed');
  });

  it('should end with the client that hangs up', async () => {
    const prompt = 'a prompt that nobody waits for';
    const client = new AbortController();
    const asked = fetch(`${api.url}/adapters/writer/generate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant-id': TENANT },
      body: JSON.stringify({ prompt, maxTokens: 1024, withAdapter: false }),
      signal: client.signal,
    });
    await until(async () => (await running(prompt)) > 0);
    client.abort();
    await expect(asked).rejects.toThrow();
    await until(async () => (await running(prompt)) === 0);
    expect((await generate('writer', { prompt: 'a', maxTokens: 1 })).status).toBe(200);
  });

  it('should let only so many wait for it', async () => {
    const clients = new AbortController();
    const refused = Promise.withResolvers<Response>();
    const asked = Array.from({ length: 1 + 8 + 1 }, async () => {
      const answer = await fetch(`${api.url}/adapters/writer/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-tenant-id': TENANT },
        body: JSON.stringify({ prompt: 'a', maxTokens: 1024, withAdapter: false }),
        signal: clients.signal,
      });
      if (answer.status !== 200) refused.resolve(answer);
    });
    const answer = await refused.promise;
    expect([answer.status, await answer.json()]).toEqual([429, expect.objectContaining({ code: 'runtime_busy' })]);
    clients.abort();
    await Promise.allSettled(asked);
    expect((await generate('writer', { prompt: 'a', maxTokens: 1 })).status).toBe(200);
  });

  it('should be given up when it takes too long', async () => {
    const replica = await startReplica(api, { SERVING_TIMEOUT_MS: '50' });
    try {
      const { status, problem } = await generate('writer', { prompt: 'a', maxTokens: 1024 }, replica);
      expect([status, problem.code]).toEqual([502, 'runtime_unavailable']);
      expect(problem.message).toContain('too long');
    } finally {
      await replica.close();
    }
  });
});

describe('the built-in picture model', () => {
  it('should draw with the adapter what it does not draw without', async () => {
    const { name } = await fixture.adapter({
      name: 'painter',
      kind: 'image',
      weights: await trainTiny('image', 'woman'),
    });
    expect((await api.send(`POST /adapters/${name}/load`)).status).toBe(200);
    const drawn = await generate(name, { prompt: 'ohwx woman', seed: 1 });
    const plain = await generate(name, { prompt: 'ohwx woman', seed: 1, withAdapter: false });
    expect(drawn.body.text).toBeNull();
    expect(drawn.body.image?.contentType).toBe('image/png');
    const { format, width, height } = await sharp(Buffer.from(drawn.body.image!.base64, 'base64')).metadata();
    expect([format, width, height]).toEqual(['png', 256, 256]);
    expect(drawn.body.image?.base64).not.toBe(plain.body.image?.base64);
  });
});
