import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakeNvidiaSmi, H200, Host } from './host.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const worker = (args: string[], overrides: Record<string, string> = {}) =>
  execa(process.execPath, [MAIN, ...args], {
    env: host.variables({ TRAINERS_DIR: join(host.dir, 'trainers'), ...overrides }),
    extendEnv: false,
    reject: false,
  });

/** An installation whose interpreter answers what it is told to. */
const install = async (id: string, script: string): Promise<void> => {
  const dir = join(host.dir, 'trainers', id);
  await mkdir(join(dir, 'venv/bin'), { recursive: true });
  await writeFile(join(dir, 'venv/bin/python'), `#!/bin/sh\n${script}\n`);
  await chmod(join(dir, 'venv/bin/python'), 0o755);
  await writeFile(join(dir, 'installed.json'), JSON.stringify({ version: '1.2.3' }));
};

describe('bin/worker doctor', () => {
  it('should tell what this host has, as JSON', async () => {
    await install('trl', `echo '{"python": "3.11.7", "torch": "2.9.1", "cuda": null, "canStart": true}'`);
    await install('kohya', 'echo "ImportError: no torch" >&2; exit 1');
    const { stdout, exitCode } = await worker(['doctor', '--json'], { DATA_ROOT: join(host.dir, 'elsewhere') });
    expect(JSON.parse(stdout)).toMatchObject({
      gpus: [],
      disks: [
        { what: 'workspaces', path: host.workerDir, freeBytes: expect.any(Number) },
        { what: 'data', problem: expect.stringContaining('DATA_ROOT') },
      ],
      datasets: { access: 'mount', way: `read below ${join(host.dir, 'elsewhere')}` },
      api: { url: host.api.url },
      trainers: expect.arrayContaining([
        expect.objectContaining({ id: 'trl', version: '1.2.3', torch: '2.9.1', cuda: null, canStart: true }),
        expect.objectContaining({ id: 'kohya', isInstalled: true, canStart: false, problem: 'ImportError: no torch' }),
        expect.objectContaining({ id: 'ai-toolkit', isInstalled: false, problem: 'bin/trainers install ai-toolkit' }),
        expect.objectContaining({ id: 'tiny', canStart: true }),
      ]),
    });
    expect(exitCode).toBe(0);
  });

  it.each(['fetch', 'auto'])('should not miss a data root where datasets come from the API (%s)', async (access) => {
    const elsewhere = { DATA_ROOT: join(host.dir, 'elsewhere'), DATASET_ACCESS: access };
    const { stdout } = await worker(['doctor', '--json'], elsewhere);
    expect(JSON.parse(stdout)).toMatchObject({
      disks: [{ what: 'workspaces' }],
      datasets: { access, way: 'from the API; the newest 50.0 GiB stay in WORKER_DIR' },
    });
  });

  it('should notice a GPU that torch cannot use', async () => {
    await install('trl', `echo '{"python": "3.11.7", "torch": "2.9.1", "cuda": null, "canStart": true}'`);
    const nvidiaSmi = join(host.dir, 'nvidia-smi');
    await writeFile(nvidiaSmi, fakeNvidiaSmi(H200));
    await chmod(nvidiaSmi, 0o755);
    const { stdout, exitCode } = await worker(['doctor'], { NVIDIA_SMI: nvidiaSmi, WORKER_TRAINERS: 'trl' });
    expect(stdout).toMatch(/✗ trl .*CPU only\n\s+→ Its torch cannot use the GPU/);
    expect(stdout).toContain('No trainer can start on this host.');
    expect(exitCode).toBe(1);
  });

  it('should fail where none of the wanted trainers starts', async () => {
    const { stdout, exitCode } = await worker(['doctor'], { WORKER_TRAINERS: 'trl' });
    expect(stdout).toContain('No trainer can start on this host.');
    expect(stdout).not.toContain('tiny');
    expect(exitCode).toBe(1);
  });
});

describe('bin/worker models', () => {
  it('should fail and name the files that are not there', async () => {
    const file = join(host.dir, 'models.yaml');
    await writeFile(file, 'models:\n  mine: { trainer: trl, model: /no/such/folder }\n');
    const { stdout, exitCode } = await worker(['models'], { MODELS_FILE: file });
    expect(stdout).toContain('→ not there: /no/such/folder');
    expect(exitCode).toBe(1);
  });

  it('should be content with what is there', async () => {
    const file = join(host.dir, 'models.yaml');
    await writeFile(file, `models:\n  mine: { trainer: trl, model: . }\n`);
    const { stdout, exitCode } = await worker(['models', '--json'], { MODELS_FILE: file });
    expect(JSON.parse(stdout)).toEqual({
      file,
      entries: [{ name: 'mine', trainer: 'trl', missing: [], problems: [] }],
    });
    expect(exitCode).toBe(0);
  });
});
