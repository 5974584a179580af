import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Adapter, Generated } from '@influencerai/shared';
import { AdapterServingService } from '../src/adapters/adapter-serving.service.js';
import { AdapterSweeper } from '../src/adapters/adapter-sweeper.js';
import { AdaptersRepository } from '../src/adapters/adapters.repository.js';
import { Database } from '../src/database/database.js';
import { AdaptersFixture, type Training } from './adapters-fixture.js';
import { FakeLlamaCpp, FakeSglang, FakeVllm } from './fake-runtimes.js';
import { startReplica, startTestApp, TENANT, type TestApp } from './test-app.js';

const BASE = 'Qwen/Qwen2.5-0.5B';
const LOAD = 'POST /v1/load_lora_adapter';
const TIMEOUT_MS = 2000;

let count = 0;
const aName = () => `served-${++count}`;

const statusOf = async (api: TestApp, name: string) => (await api.send<Adapter>(`GET /adapters/${name}`)).body.status;

/** An API with a runtime of its own, and a way to an adapter that fits it. */
async function serve(settings: string, timeoutMs = 10_000) {
  const env = { SERVING_RUNTIMES: settings, SERVING_TIMEOUT_MS: String(timeoutMs), SERVING_SWEEP_MS: '3600000' };
  const api = await startTestApp({ env });
  const fixture = new AdaptersFixture(api);
  const adapter = async (training: Training = {}) =>
    (await fixture.adapter({ modelName: BASE, name: aName(), ...training })).name;
  const load = (name: string, body: unknown = {}, at = api) =>
    at.send<Adapter>(`POST /adapters/${name}/load`, { body });
  const unload = (name: string) => api.send<Adapter>(`POST /adapters/${name}/unload`);
  const sweep = () => api.app.get(AdapterSweeper).sweep();
  const staged = () => readdir(join(api.dataRoot, '.serving'));
  return { api, env, adapter, load, unload, sweep, staged };
}

describe('vLLM', () => {
  let vllm: FakeVllm;
  let served: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    vllm = await new FakeVllm(BASE).start();
    served = await serve(`chat=vllm+${vllm.url.replace('//', '//:s3cret@')}`);
  });
  beforeEach(() => {
    vllm.instead.clear();
    vllm.calls.length = 0;
  });
  afterAll(async () => {
    await served.api.close();
    await vllm[Symbol.asyncDispose]();
  });

  it('should be told name and folder, with the files that PEFT reads', async () => {
    const name = await served.adapter();
    const { status, body } = await served.load(name);
    expect([status, body.status, body.runtime]).toEqual([200, 'loaded', 'chat']);
    expect(body.loadedAt).not.toBeNull();
    const path = join(served.api.dataRoot, '.serving', body.id);
    expect(vllm.callsOf(LOAD)).toEqual([
      { route: LOAD, body: { lora_name: `${TENANT}/${name}`, lora_path: path }, authorization: 'Bearer s3cret' },
    ]);
    expect((await readdir(path)).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });

  it('should have forgotten it after an unload, with its folder', async () => {
    const name = await served.adapter();
    const { body } = await served.load(name);
    const unloaded = await served.unload(name);
    expect([unloaded.status, unloaded.body.status, unloaded.body.runtime]).toEqual([200, 'unloaded', null]);
    expect(vllm.loras.has(`${TENANT}/${name}`)).toBe(false);
    expect(await served.staged()).not.toContain(body.id);
    expect((await served.unload(name)).problem.code).toBe('adapter_not_loaded');
  });

  it('should load once what is loaded twice at once, on two replicas', async () => {
    const name = await served.adapter();
    const replica = await startReplica(served.api, served.env);
    try {
      const answers = await Promise.all([
        ...[1, 2, 3].map(() => served.load(name)),
        ...[1, 2, 3].map(() => served.load(name, {}, replica)),
      ]);
      expect(answers.map(({ status, body }) => [status, body.status])).toEqual(answers.map(() => [200, 'loaded']));
      expect(vllm.callsOf(LOAD)).toHaveLength(1);
      expect(await statusOf(replica, name)).toBe('loaded');
    } finally {
      await replica.close();
    }
  });

  it('should be obeyed once when it is loaded and unloaded at the same time', async () => {
    const name = await served.adapter();
    await served.load(name);
    await Promise.all([served.unload(name), served.load(name), served.unload(name)]);
    const isLoaded = (await statusOf(served.api, name)) === 'loaded';
    expect(vllm.loras.has(`${TENANT}/${name}`)).toBe(isLoaded);
  });

  describe('in place of another', () => {
    const OWNER = { tenantId: TENANT };
    const inPlace = (name: string) => served.api.app.get(AdapterServingService).loadInPlace(OWNER, name);
    const loadedOf = async (...names: string[]) => {
      const statuses = await Promise.all(names.map((name) => statusOf(served.api, name)));
      return names.filter((_, index) => statuses[index] === 'loaded');
    };
    /** Has something happen right before or after the next adapter becomes the current one. */
    const around = (when: 'before' | 'after', happen: () => Promise<unknown>): void => {
      const repository = served.api.app.get(AdaptersRepository);
      const makeCurrent = repository.makeCurrent.bind(repository);
      jest.spyOn(repository, 'makeCurrent').mockImplementationOnce(async (adapter) => {
        if (when === 'before') await happen();
        const made = await makeCurrent(adapter);
        if (when === 'after') await happen();
        return made;
      });
    };
    afterEach(() => void jest.restoreAllMocks());

    it('should leave the earlier one where it was loaded again meanwhile', async () => {
      const [first, second] = [await served.adapter(), await served.adapter()];
      await inPlace(first);
      around('after', () => inPlace(first));
      await inPlace(second);
      expect(await loadedOf(first, second)).toEqual([first]);
      expect(vllm.loras.has(`${TENANT}/${first}`)).toBe(true);
    });

    it('should load again what another one took the place of meanwhile', async () => {
      const [first, second] = [await served.adapter(), await served.adapter()];
      await inPlace(first);
      around('before', () => inPlace(second));
      expect((await inPlace(first)).status).toBe('loaded');
      expect(await loadedOf(first, second)).toEqual([first]);
    });
  });

  it('should refuse in its own words, after which another try is possible', async () => {
    const name = await served.adapter();
    const reason = 'LoRA rank 64 is greater than max_lora_rank 16.';
    vllm.instead.set(LOAD, () => ({ status: 400, body: { error: { message: reason } } }));
    const { status, problem } = await served.load(name);
    expect([status, problem.code]).toEqual([400, 'adapter_refused']);
    expect(problem.message).toContain(reason);
    const failed = (await served.api.send<Adapter>(`GET /adapters/${name}`)).body;
    expect(failed).toMatchObject({ status: 'failed', statusReason: reason });
    expect(await served.staged()).not.toContain(failed.id);
    vllm.instead.clear();
    expect((await served.load(name)).body).toMatchObject({ status: 'loaded', statusReason: null });
  });

  it('should be said to be set up wrongly when it takes no adapters', async () => {
    vllm.instead.set(LOAD, () => ({ status: 404, body: { detail: 'Not Found' } }));
    const { status, problem } = await served.load(await served.adapter());
    expect([status, problem.code]).toEqual([502, 'runtime_unavailable']);
    expect(problem.message).toContain('VLLM_ALLOW_RUNTIME_LORA_UPDATING');
  });

  it.each([
    ['fails', () => ({ status: 500, body: 'Internal Server Error' }), 'HTTP 500'],
    ['refuses the key', () => ({ status: 401, body: { error: 'Unauthorized' } }), 'HTTP 401, Unauthorized.'],
  ])('should be said to be unavailable when it %s', async (_, answer, words) => {
    vllm.instead.set(LOAD, answer);
    const { status, problem } = await served.load(await served.adapter());
    expect([status, problem.code]).toEqual([502, 'runtime_unavailable']);
    expect(problem.message).toContain(words);
    expect(problem.message).not.toContain('127.0.0.1');
  });

  it('should have what it answered for too late taken for loaded', async () => {
    const name = await served.adapter();
    vllm.loras.set(`${TENANT}/${name}`, '/earlier');
    expect((await served.load(name)).status).toBe(200);
  });

  it('should get again what it forgot, from the sweep', async () => {
    const name = await served.adapter();
    await served.load(name);
    vllm.loras.clear();
    await served.sweep();
    expect(vllm.loras.has(`${TENANT}/${name}`)).toBe(true);
    expect(await statusOf(served.api, name)).toBe('loaded');
  });

  it('should get again what it forgot, from the next request', async () => {
    const name = await served.adapter();
    await served.load(name);
    vllm.loras.clear();
    expect((await served.load(name)).body.status).toBe('loaded');
    expect(vllm.loras.has(`${TENANT}/${name}`)).toBe(true);
    vllm.loras.clear();
    const answer = await served.api.send<Generated>(`POST /adapters/${name}/generate`, { body: { prompt: 'Hello' } });
    expect(answer.body.text).toBe(` said by ${TENANT}/${name}`);
  });

  it('should keep what it has while it is away, and be unloaded from only when it is back', async () => {
    const name = await served.adapter();
    await served.load(name);
    vllm.instead.set('GET /v1/models', () => ({ status: 503, body: 'starting' }));
    await served.sweep();
    expect((await served.unload(name)).status).toBe(502);
    expect(await statusOf(served.api, name)).toBe('loaded');
    vllm.instead.clear();
    expect((await served.unload(name)).status).toBe(200);
  });

  it('should answer with the adapter, or with its base', async () => {
    const name = await served.adapter();
    const generate = (body: object) =>
      served.api.send<Generated>(`POST /adapters/${name}/generate`, { body: { prompt: 'Hello', seed: 3, ...body } });
    expect((await generate({})).problem.code).toBe('adapter_not_loaded');
    await served.load(name);
    expect((await generate({ maxTokens: 9 })).body).toEqual({
      runtime: 'chat',
      seed: 3,
      withAdapter: true,
      text: ` said by ${TENANT}/${name}`,
      image: null,
    });
    expect((await generate({ withAdapter: false })).body.text).toBe(` said by ${BASE}`);
    expect(vllm.callsOf('POST /v1/completions')[0]?.body).toMatchObject({ prompt: 'Hello', seed: 3, max_tokens: 9 });
  });

  it('should not be offered what it does not serve', async () => {
    const other = await served.adapter({ modelName: 'Qwen/Qwen2.5-7B' });
    const answer = await served.load(other);
    expect([answer.status, answer.problem.code]).toEqual([409, 'adapter_not_servable']);
    expect(await statusOf(served.api, other)).toBe('unloaded');
    const small = await served.adapter({ modelName: 'tiny-text' });
    expect((await served.load(small, { runtime: 'chat' })).problem.code).toBe('adapter_not_servable');
  });

  it.each([{ runtime: 'http://169.254.169.254/' }, { runtime: '' }, { runtime: 7 }, { url: 'http://localhost' }])(
    'should be named by its name alone, not by %j',
    async (body) => {
      const { status, problem } = await served.load(await served.adapter(), body);
      expect([status, problem.code]).toEqual([400, 'validation_failed']);
      expect(vllm.callsOf(LOAD)).toEqual([]);
    },
  );

  it('should keep an adapter from being deleted until it is unloaded', async () => {
    const name = await served.adapter();
    await served.load(name);
    const refused = await served.api.send(`DELETE /adapters/${name}`);
    expect([refused.status, refused.problem.code]).toEqual([409, 'adapter_in_use']);
    await served.unload(name);
    expect((await served.api.send(`DELETE /adapters/${name}`)).status).toBe(200);
  });

  it('should be asked to forget what failed to load and is deleted', async () => {
    const name = await served.adapter();
    vllm.instead.set(LOAD, () => {
      vllm.loras.set(`${TENANT}/${name}`, '/late');
      return { status: 500, body: 'Too late' };
    });
    await served.load(name);
    vllm.instead.clear();
    expect((await served.api.send(`DELETE /adapters/${name}`)).status).toBe(200);
    expect(vllm.loras.has(`${TENANT}/${name}`)).toBe(false);
  });

  it('should be finished with by the sweep when who began has died', async () => {
    const states = ['loading', 'unloading', 'deleting'] as const;
    const names = await Promise.all(states.map(() => served.adapter()));
    const { pool } = served.api.app.get(Database);
    const die = `update adapter set status = $2::adapter_status, runtime = 'chat', status_at = now() - interval '1 hour' where name = $1`;
    for (const [index, status] of states.entries()) await pool.query(die, [names[index], status]);
    await served.sweep();
    const ended = await Promise.all(names.map((name) => statusOf(served.api, name)));
    expect(ended).toEqual(['loaded', 'unloaded', 404]);
  });

  it('should be no more in the way of an adapter when the settings name it no more', async () => {
    const name = await served.adapter();
    await served.load(name);
    const replica = await startReplica(served.api, { ...served.env, SERVING_RUNTIMES: '' });
    try {
      const unloaded = await replica.send<Adapter>(`POST /adapters/${name}/unload`);
      expect([unloaded.status, unloaded.body.status]).toEqual([200, 'unloaded']);
    } finally {
      await replica.close();
    }
  });
});

describe('a runtime that does not answer', () => {
  it('should be given up after the time limit, whatever it is asked', async () => {
    await using vllm = await new FakeVllm(BASE).start();
    const served = await serve(`chat=vllm+${vllm.url}`, TIMEOUT_MS);
    try {
      const name = await served.adapter();
      vllm.instead.set(LOAD, () => new Promise(() => undefined));
      const { status, problem } = await served.load(name);
      expect([status, problem.code]).toEqual([502, 'runtime_unavailable']);
      expect(problem.message).toContain('too long');
      expect(await statusOf(served.api, name)).toBe('failed');
      await vllm[Symbol.asyncDispose]();
      expect((await served.load(name)).problem.message).toContain('ECONNREFUSED');
    } finally {
      await served.api.close();
    }
  });
});

describe('SGLang', () => {
  it('should load, answer, refuse and unload', async () => {
    await using sglang = await new FakeSglang(BASE).start();
    const served = await serve(`fast=sglang+${sglang.url}`);
    try {
      const name = await served.adapter();
      expect((await served.load(name)).body).toMatchObject({ status: 'loaded', runtime: 'fast' });
      expect([...sglang.loras.keys()]).toEqual([`${TENANT}/${name}`]);
      const generate = (body: object) => served.api.send<Generated>(`POST /adapters/${name}/generate`, { body });
      expect((await generate({ prompt: 'a' })).body.text).toBe(` said by ${TENANT}/${name}`);
      expect((await generate({ prompt: 'a', withAdapter: false })).body.text).toBe(' said by undefined');
      sglang.instead.set('POST /load_lora_adapter', () => ({
        status: 400,
        body: { success: false, error_message: 'Rank 64 is incompatible', loaded_adapters: {} },
      }));
      expect((await served.load(await served.adapter())).problem).toMatchObject({
        code: 'adapter_refused',
        message: expect.stringContaining('Rank 64 is incompatible.'),
      });
      expect((await served.unload(name)).body.status).toBe('unloaded');
      expect(sglang.loras.size).toBe(0);
    } finally {
      await served.api.close();
    }
  });
});

describe('llama.cpp', () => {
  it('should turn up the scale of what it was started with, and leave the others alone', async () => {
    const [one, two, unknown] = [aName(), aName(), aName()];
    await using llama = await new FakeLlamaCpp([`/gguf/${TENANT}/${one}.gguf`, `/gguf/${TENANT}/${two}.gguf`]).start();
    const served = await serve(`edge=llama-cpp+${llama.url}#${BASE}`);
    try {
      for (const name of [one, two, unknown]) await served.adapter({ name });
      const loaded = await Promise.all([served.load(one), served.load(two)]);
      expect(loaded.map(({ body }) => body.runtime)).toEqual(['edge', 'edge']);
      expect(llama.scales).toEqual([1, 1]);
      const answer = await served.api.send<Generated>(`POST /adapters/${two}/generate`, { body: { prompt: 'a' } });
      expect(answer.body.text).toBe(' said with [{"id":0,"scale":0},{"id":1,"scale":1}]');
      await served.unload(one);
      expect(llama.scales).toEqual([0, 1]);
      expect((await served.load(unknown)).problem.code).toBe('adapter_not_servable');
      llama.scales.fill(0);
      await served.sweep();
      expect(llama.scales).toEqual([0, 1]);
    } finally {
      await served.api.close();
    }
  });
});
