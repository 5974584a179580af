import { describe, expect, it } from '@jest/globals';
import { areModelsOk, canWork, type Examination } from './examination.js';
import { renderExamination, renderModels } from './render.js';

const GIB = 1024 ** 3;

const examination = (overrides: Partial<Examination> = {}): Examination => ({
  host: 'gpu-1',
  node: '24.0.0',
  memoryBytes: 64 * GIB,
  gpus: [{ index: 0, name: 'NVIDIA RTX 4090', memoryMiB: 24564 }],
  driver: '570.86',
  disks: [{ what: 'workspaces', path: '/srv/w', freeBytes: 500 * GIB }],
  datasets: { access: 'fetch', way: 'from the API; the newest 50.0 GiB stay in WORKER_DIR' },
  api: { url: 'https://api.example.com' },
  queue: { store: 'Redis at queue:6379' },
  trainers: [
    {
      id: 'kohya',
      isInstalled: true,
      version: '48d368fa557731ad',
      python: '3.11.7',
      torch: '2.9.1',
      cuda: '12.8',
      bitsandbytes: false,
      canStart: true,
    },
  ],
  models: { entries: [] },
  ...overrides,
});

describe('renderExamination', () => {
  it('should show what is fine in one line each, and what the host offers', () => {
    expect(renderExamination(examination()).split('\n')).toEqual([
      '✓ host        gpu-1, Node 24.0.0, 64.0 GiB of memory',
      '✓ GPU 0       NVIDIA RTX 4090, 24.0 GiB, driver 570.86',
      '✓ workspaces  /srv/w, 500.0 GiB free',
      '✓ datasets    from the API; the newest 50.0 GiB stay in WORKER_DIR',
      '✓ API         https://api.example.com',
      '✓ queue       Redis at queue:6379',
      '✓ kohya       version 48d368fa5577, Python 3.11.7, torch 2.9.1, CUDA 12.8, without bitsandbytes',
      '✓ models      no registry (MODELS_FILE); public hub ids only',
      '',
      'A worker here offers kohya.',
      '',
    ]);
  });

  it('should say under each fault what to do', () => {
    const text = renderExamination(
      examination({
        disks: [{ what: 'data', path: '/data', problem: 'Not there.' }],
        trainers: [
          { id: 'trl', isInstalled: false, canStart: false, problem: 'bin/trainers install trl' },
          { id: 'kohya', isInstalled: true, torch: '2.9.1', cuda: null, canStart: false },
        ],
      }),
    );
    expect(text).toContain('✗ data      /data\n            → Not there.\n');
    expect(text).toContain('✗ trl       not installed\n            → bin/trainers install trl\n');
    expect(text).toContain('✗ kohya     torch 2.9.1, CPU only\n            → It does not start.\n');
    expect(text).toContain('No trainer can start on this host.');
  });

  it('should not say that a worker starts where GPUs cannot be used', () => {
    const text = renderExamination(examination({ gpuProblem: 'nvidia-smi failed. Mend it.' }));
    expect(text).toMatch(/✗ GPU .*none is usable\n +→ nvidia-smi failed\. Mend it\.\n/);
    expect(text).toContain('No worker starts on this host');
  });
});

describe('canWork', () => {
  it('should ask for one trainer that starts, and for GPUs that can be used', () => {
    expect(canWork(examination())).toBe(true);
    expect(canWork(examination({ gpuProblem: 'nvidia-smi failed.' }))).toBe(false);
    expect(canWork(examination({ trainers: [{ id: 'trl', isInstalled: true, canStart: false }] }))).toBe(false);
  });
});

describe('renderModels', () => {
  const flux = { name: 'FLUX', trainer: 'kohya', missing: ['/m/a', '/m/b'], problems: ['it needs t5xxl'] } as const;
  const models = { file: '/m.yaml', entries: [{ ...flux, missing: [...flux.missing], problems: [...flux.problems] }] };

  it('should name what an entry lacks', () => {
    expect(renderModels(models)).toBe(
      '✓ models  1 in /m.yaml\n✗   FLUX  kohya\n          → it needs t5xxl; not there: /m/a, /m/b\n',
    );
  });

  it('should be content with complete entries only', () => {
    expect(areModelsOk(models)).toBe(false);
    expect(areModelsOk({ entries: [{ ...flux, missing: [], problems: [] }] })).toBe(true);
    expect(areModelsOk({ entries: [], problem: 'line 3' })).toBe(false);
  });
});
