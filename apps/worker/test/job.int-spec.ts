import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSafetensors } from '@influencerai/tiny';
import { aSpec, fakeNvidiaSmi, fakePython, fixture, H200, Host } from './host.js';
import { until } from './until.js';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

describe('a job', () => {
  it('should be trained and reported to its end', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result).toEqual({
      loraPath: 'data/loras/x/x-final.safetensors',
      checkpoints: ['x-epoch-1.safetensors', 'x-epoch-2.safetensors', 'x-epoch-3.safetensors', 'x-final.safetensors'],
      samples: ['x-10.txt', 'x-20.txt', 'x-30.txt'],
      lossCurve: 'loss-curve.svg',
      finalLoss: 0.025,
      initialLoss: 1,
      averageLoss: { start: expect.closeTo(0.52, 2), end: expect.closeTo(0.026, 3) },
      steps: 40,
      trainingTimeMinutes: expect.any(Number),
      trainer: 'tiny',
      requestedTrainer: 'tiny',
      trainerVersion: expect.any(String),
    });
    expect([...job.metrics.keys()]).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const kinds = [...job.artifacts.values()].map(({ meta }) => `${meta.kind} ${meta.name} ${meta.step}`);
    expect(kinds).toEqual(
      expect.arrayContaining([
        'checkpoint x-epoch-1.safetensors 10',
        'lora x-final.safetensors 40',
        'sample x-10.txt 10',
        'state state-10.tar 10',
        'loss-curve loss-curve.svg null',
      ]),
    );
    expect(decodeSafetensors(job.artifacts.get('x-final.safetensors')!.content).metadata).toMatchObject({
      job_id: job.id,
      trainer: 'tiny',
      spec_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(job.logs.map((line) => line.seq)).toEqual(job.logs.map((_, index) => index));
    expect(job.logs[0]).toMatchObject({
      stream: 'worker',
      text: expect.stringMatching(/^Attempt 1 on .*CPU slot 0: tiny trains x on 2 rows/),
    });
    expect(job.logs.at(-1)?.text).toBe('Completed: data/loras/x/x-final.safetensors');
    await until('the workspace to be removed', async () => (await readdir(`${host.workerDir}/jobs`)).length === 0);
  });

  it('should see nothing of the worker in its environment', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    const line = job.logs.find(({ text }) => text.startsWith('environment: '));
    expect(line).toMatchObject({
      stream: 'stderr',
      text: 'environment: CUDA_VISIBLE_DEVICES HF_HOME HOME INFLUENCERAI_WORKSPACE LANG PATH PYTORCH_CUDA_ALLOC_CONF TMPDIR',
    });
  });

  it('should be told its GPU by the number that nvidia-smi gives it', async () => {
    const nvidiaSmi = join(host.dir, 'nvidia-smi');
    await writeFile(nvidiaSmi, fakeNvidiaSmi(H200), { mode: 0o755 });
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent({ NVIDIA_SMI: nvidiaSmi });
    await until('the job to complete', () => job.status === 'completed');
    const line = job.logs.find(({ text }) => text.startsWith('environment: '));
    expect(line?.text).toMatch(/^environment: CUDA_DEVICE_ORDER CUDA_VISIBLE_DEVICES HF_HOME /);
  });

  it('should report progress while it trains', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec({ extra: { stepDelayMs: 10 } }));
    await host.startAgent();
    const progress = await until(
      'progress',
      () => (job.result?.['progress'] as { currentStep: number } | undefined)?.currentStep && job.result,
    );
    expect(progress).toMatchObject({
      progress: { totalEpochs: 4, totalSteps: 40, learningRate: 0.001, loss: expect.any(Number) },
      trainer: 'tiny',
    });
    await until('the job to complete', () => job.status === 'completed');
  });

  it('should say that it ran on another trainer', async () => {
    const job = host.api.addJob(
      '00000000-0000-4000-8000-000000000001',
      aSpec({ requestedTrainer: 'kohya', baseModel: 'sdxl' }),
    );
    await host.startAgent();
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result).toMatchObject({
      trainer: 'tiny',
      requestedTrainer: 'kohya',
      note: expect.stringContaining('Trained on tiny in place of kohya'),
    });
    expect(job.logs[1]?.text).toMatch(/^Training on tiny in place of kohya/);
  });

  it('should fail with the reason that its trainer printed', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent({ TINY_PROGRAM: fixture('crashing-trainer') });
    await until('the job to fail', () => job.status === 'failed');
    expect(job.result).toMatchObject({
      error: 'RuntimeError: CUDA out of memory: tried to allocate 2.00 GiB',
      code: 'trainer_out_of_memory',
      hint: expect.any(String),
      epoch: 1,
      partialCheckpoints: ['x-epoch-1.safetensors'],
    });
    expect(job.logs.some(({ text }) => text.includes('lies outside the workspace'))).toBe(true);
    expect([...job.artifacts.keys()]).toEqual(['x-epoch-1.safetensors']);
  });

  it('should not be taken for completed because its trainer exited with 0', async () => {
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent({ TINY_PROGRAM: fixture('empty-trainer') });
    await until('the job to fail', () => job.status === 'failed');
    expect(job.result).toMatchObject({ code: 'trainer_output_missing', partialCheckpoints: [] });
  });

  it('should fail with a clear reason when its dataset is not there', async () => {
    const job = host.api.addJob(
      '00000000-0000-4000-8000-000000000001',
      aSpec({ dataset: { ...aSpec().dataset, path: 'data/datasets/elsewhere' } }),
    );
    await host.startAgent();
    await until('the job to fail', () => job.status === 'failed');
    expect(job.result).toMatchObject({
      code: 'dataset_unreadable',
      error: expect.stringContaining('data/datasets/elsewhere does not exist'),
    });
  });

  it('should wait for a free slot', async () => {
    for (let number = 1; number <= 5; number += 1)
      host.api.addJob(`00000000-0000-4000-8000-00000000000${number}`, aSpec({ extra: { stepDelayMs: 2 } }));
    await host.startAgent();
    let most = 0;
    await until('all jobs to complete', async () => {
      most = Math.max(most, await host.liveTrainers());
      return [...host.api.jobs.values()].every(({ status }) => status === 'completed');
    });
    expect(most).toBe(2);
  });
});

describe('a job that this host lacks something for', () => {
  it('should go back for another worker when its base model is not set up here', async () => {
    await mkdir(join(host.dir, 'trainers/trl/venv/bin'), { recursive: true });
    await writeFile(join(host.dir, 'trainers/trl/installed.json'), '{}');
    await writeFile(join(host.dir, 'trainers/trl/venv/bin/python'), fakePython(), { mode: 0o755 });
    const spec = aSpec({ trainer: 'trl', requestedTrainer: 'trl', baseModel: 'house model' });
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', spec);
    await host.startAgent({ TRAINERS_DIR: join(host.dir, 'trainers') });
    await until('the job to come back', () => job.ends.length > 0);
    expect(job).toMatchObject({
      status: 'pending',
      refusals: [expect.stringContaining('The base model house model is not set up')],
    });
    const next = host.api.addJob('00000000-0000-4000-8000-000000000002', aSpec());
    await until('the worker to go on with others', () => next.status === 'completed');
  });
});
