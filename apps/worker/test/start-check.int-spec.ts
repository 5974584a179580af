import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aSpec, fakeNvidiaSmi, fixture, H200, Host } from './host.js';
import { until } from './until.js';

const JOB_ID = '00000000-0000-4000-8000-000000000001';
const STARTS = '{"python": "3.11.7", "torch": "2.9.1", "cuda": null, "canStart": true}';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
  await mkdir(join(host.dir, 'trainers/trl/venv/bin'), { recursive: true });
});

afterEach(() => host.close());

const inHost = (path: string): string => join(host.dir, path);

/** An installation that answers so when it is tried, and counts how often that is. */
const install = async (answer: string, version: string): Promise<void> => {
  const program = `#!/bin/sh\ncase "$*" in *--doctor) echo >> ${inHost('tries')}; echo '${answer}' ;; *) exit 1 ;; esac\n`;
  await writeFile(inHost('trainers/trl/venv/bin/python'), program, { mode: 0o755 });
  await writeFile(inHost('trainers/trl/installed.json'), JSON.stringify({ version }));
};

const tries = async (): Promise<number> => (await readFile(inHost('tries'), 'utf8').catch(() => '')).length;

const start = (overrides: Record<string, string> = {}) =>
  host.startAgent({ TRAINERS_DIR: inHost('trainers'), ...overrides });

describe('a trainer that is installed', () => {
  it('should not be offered where it does not start, and the API hears why', async () => {
    await install('{"canStart": false, "problem": "ImportError: libcuda.so.1"}', '1');
    await start();
    expect(host.api.registrations).toEqual([
      expect.objectContaining({
        trainers: ['tiny', 'retrieval'],
        unusable: [{ trainer: 'trl', reason: 'ImportError: libcuda.so.1' }],
      }),
    ]);
  });

  it('should not be offered where its torch cannot use the GPU', async () => {
    await install(STARTS, '1');
    await writeFile(inHost('nvidia-smi'), fakeNvidiaSmi(H200), { mode: 0o755 });
    await start({ NVIDIA_SMI: inHost('nvidia-smi') });
    expect(host.api.registrations).toEqual([
      expect.objectContaining({
        trainers: ['tiny', 'retrieval'],
        unusable: [{ trainer: 'trl', reason: expect.stringContaining('cannot use the GPU') }],
      }),
    ]);
  });

  it('should not be offered where its torch finds fewer GPUs than there are', async () => {
    await install(STARTS.replace('"cuda": null', '"cuda": "12.8", "gpus": 0'), '1');
    await writeFile(inHost('nvidia-smi'), fakeNvidiaSmi(H200), { mode: 0o755 });
    await start({ NVIDIA_SMI: inHost('nvidia-smi') });
    expect(host.api.registrations).toMatchObject([
      { unusable: [{ trainer: 'trl', reason: expect.stringContaining('0 of 1 GPUs') }] },
    ]);
  });

  it('should keep a worker from starting that could offer nothing else', async () => {
    await install('not what our driver prints', '1');
    await expect(start({ WORKER_TRAINERS: 'trl' })).rejects.toThrow('trl cannot start on this host: Its Python');
  });

  it('should be tried once, by the first of several starts', async () => {
    await install(STARTS, '1');
    await host.drain(await start());
    await start();
    const all = { trainers: ['tiny', 'trl', 'retrieval'] };
    expect(host.api.registrations).toMatchObject([all, all]);
    expect(await tries()).toBe(1);
  });

  it('should be tried again where a card was replaced by another of its kind', async () => {
    await install(STARTS.replace('"cuda": null', '"cuda": "12.8", "gpus": 1'), '1');
    for (const card of [H200, H200, H200.replace('GPU-5f2f1c2e', 'GPU-00000001')]) {
      await writeFile(inHost('nvidia-smi'), fakeNvidiaSmi(card), { mode: 0o755 });
      await host.drain(await start({ NVIDIA_SMI: inHost('nvidia-smi') }));
    }
    expect(await tries()).toBe(2);
  });

  it('should be tried again by the next start after it failed', async () => {
    await install('{"canStart": false}', '1');
    await host.drain(await start());
    await start();
    expect(await tries()).toBe(2);
  });

  it('should cost no job anything when an installation breaks it below a worker', async () => {
    await install(STARTS, '1');
    await start({ TINY_PROGRAM: fixture('good-trainer') });
    await install('{"canStart": false, "problem": "ImportError: no torch"}', '2');
    const spec = aSpec({ trainer: 'trl', requestedTrainer: 'trl', baseModel: 'a/b' });
    const job = host.api.addJob(JOB_ID, spec);
    await until('the job to come back', () => job.ends.length > 0);
    expect(job).toMatchObject({
      status: 'pending',
      refusals: ['The trainer trl cannot start on this worker: ImportError: no torch'],
    });
  });
});
