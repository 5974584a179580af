import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { aSpec, fakeNvidiaSmi, H200, Host } from './host.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const A100 = '1, GPU-0c9d2b7e-77aa-4c11-8d1b-6f0e2d3c4b02, NVIDIA A100-SXM4-80GB, 81920, 8.0, Disabled';
const MISMATCH = `#!/bin/sh
echo 'Failed to initialize NVML: Driver/library version mismatch'
echo 'NVML library version: 580.95'
exit 18
`;
const TOO_OLD = `#!/bin/sh
echo 'Field "compute_cap" is not a valid field to query.'
exit 2
`;

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

const onHost = async (program: string, overrides: Record<string, string> = {}) => {
  const NVIDIA_SMI = join(host.dir, 'nvidia-smi');
  await writeFile(NVIDIA_SMI, program, { mode: 0o755 });
  return { NVIDIA_SMI, ...overrides };
};

describe('a worker on a host with GPUs', () => {
  it('should not start where they cannot be listed, rather than train on the CPU what waits for them', async () => {
    await expect(host.startAgent(await onHost(MISMATCH))).rejects.toThrow(/version mismatch.*CUDA_VISIBLE_DEVICES=-1/);
    expect(host.api.registrations).toEqual([]);
  });

  it('should not start where it is told to use others', async () => {
    const named = await onHost(fakeNvidiaSmi(H200), { CUDA_VISIBLE_DEVICES: '4' });
    await expect(host.startAgent(named)).rejects.toThrow('CUDA_VISIBLE_DEVICES names 4');
  });

  it('should not start on one that is split, of which a job would see a slice', async () => {
    const sliced = await onHost(fakeNvidiaSmi(A100.replace('Disabled', 'Enabled')));
    await expect(host.startAgent(sliced)).rejects.toThrow('GPU 1 is split into slices (MIG)');
  });

  it('should not start where the driver is too old to tell of them, and say so', async () => {
    await expect(host.startAgent(await onHost(TOO_OLD))).rejects.toThrow(/driver .*too old.*570/);
  });

  it.each(['-1', ''])('should train on the CPU where it is told to, whatever its GPUs are like: "%s"', async (none) => {
    await host.startAgent(await onHost(MISMATCH, { CUDA_VISIBLE_DEVICES: none }));
    expect(host.api.registrations).toEqual([expect.objectContaining({ gpus: [] })]);
  });

  it('should register those that it may use, by whichever name, as others know them', async () => {
    await host.startAgent(await onHost(fakeNvidiaSmi(H200, A100), { CUDA_VISIBLE_DEVICES: 'GPU-0c9d2b7e' }));
    const gpus = [{ index: 1, name: 'NVIDIA A100-SXM4-80GB', memoryMiB: 81_920 }];
    expect(host.api.registrations).toEqual([expect.objectContaining({ gpus })]);
  });

  it.each([
    ['3', 1],
    ['2', 0],
  ])('should warn of %s slots on two GPUs %d times', async (slots, times) => {
    const lines: string[] = [];
    const log = pino(new Writable({ write: (line, _, done) => (lines.push(String(line)), done()) }));
    await host.startAgent(await onHost(fakeNvidiaSmi(H200, A100), { WORKER_SLOTS: slots }), log);
    expect(lines.filter((line) => line.includes('share a GPU'))).toHaveLength(times);
  });
});

describe('bin/worker', () => {
  const worker = async (args: string[], overrides: Record<string, string>) =>
    execa(process.execPath, [MAIN, ...args], { env: host.variables(overrides), extendEnv: false, reject: false });

  it('should say in the doctor what keeps the GPUs from being used, and fail', async () => {
    const { stdout, exitCode } = await worker(['doctor'], await onHost(MISMATCH, { WORKER_TRAINERS: 'tiny' }));
    expect(stdout).toMatch(/✗ GPU .*none is usable\n\s+→ .*version mismatch/);
    expect(exitCode).toBe(1);
  });

  it('should not preview for the CPU what it would train on a GPU', async () => {
    const file = join(host.dir, 'job.json');
    await writeFile(file, JSON.stringify(aSpec()));
    const { stderr, exitCode } = await worker(['preview', file], await onHost(MISMATCH));
    expect(stderr).toContain('version mismatch');
    expect(exitCode).toBe(1);
  });
});
