import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { aSpec, fakeNvidiaSmi, fakePython, fixture, Host } from './host.js';
import { until } from './until.js';

/** A picture of 3 by 2 pixels. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAFElEQVR4nGP4z8DAAMYQCkhDuAwAX2gF+xW2hC0AAAAASUVORK5CYII=',
  'base64',
);
const JOB_ID = '00000000-0000-4000-8000-000000000001';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
  await write('data/datasets/faces/a.png', PICTURE);
  await write('data/datasets/faces/b.png', PICTURE);
  await write('models.yaml', 'models:\n  some sd:\n    trainer: kohya\n    family: sd1\n    model: /models/sd\n');
  await write('nvidia-smi', fakeNvidiaSmi('0, GPU-a, A, 1000, 9.0, [N/A]', '1, GPU-b, B, 1000, 9.0, [N/A]'));
  await write('trainers/kohya/installed.json', '{}');
});

afterEach(() => host.close());

const write = async (path: string, content: string | Buffer): Promise<void> => {
  const file = join(host.dir, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  await chmod(file, 0o755);
};

/** A job on two GPUs: kohya runs through its launcher then, without our gate. */
const start = async (behaviour: 'wait' | 'fail' | 'finish' | 'spoil' | 'refused') => {
  const program = `exec ${process.execPath} ${fixture('launched-kohya')} ${behaviour} "$@"`;
  await write('trainers/kohya/venv/bin/python', fakePython(program));
  const job = host.api.addJob(
    JOB_ID,
    aSpec({
      kind: 'image',
      trainer: 'kohya',
      requestedTrainer: 'kohya',
      baseModel: 'some sd',
      dataset: { ...aSpec().dataset, kind: 'lora-training', path: 'data/datasets/faces' },
      training: { ...aSpec().training, epochs: 3, resolution: 64 },
    }),
  );
  const variables = {
    TRAINERS_DIR: join(host.dir, 'trainers'),
    MODELS_FILE: join(host.dir, 'models.yaml'),
    NVIDIA_SMI: join(host.dir, 'nvidia-smi'),
    GPUS_PER_JOB: '2',
    GRACE_MS: '1000',
    WORKER_SLOTS: '1',
    WORKER_TRAINERS: 'kohya',
  };
  // What is there at the end is found at the end alone, however slow the machine is.
  const pace = behaviour === 'finish' ? { filesMs: 600_000 } : {};
  const agent = await host.startAgent(variables, pino({ level: 'silent' }), pace);
  return { job, agent };
};

const WEIGHTS = 'x-000001.safetensors';
const SAMPLE = 'x_e000001_00_20261121101010_1.png';

describe('a run that announces nothing', () => {
  it('should deliver its checkpoints and samples while it trains, and its state when it is drained', async () => {
    const { job, agent } = await start('wait');
    await until('a checkpoint and a sample', () => job.artifacts.has(WEIGHTS) && job.artifacts.has(SAMPLE));
    expect(job.status).toBe('running');
    await host.drain(agent);
    expect(job.status).toBe('pending');
    expect([...job.artifacts.values()].map(({ meta }) => [meta.name, meta.kind, meta.step])).toEqual(
      expect.arrayContaining([
        [WEIGHTS, 'checkpoint', 1],
        ['state-1.tar', 'state', 1],
      ]),
    );
    expect(job.artifacts.has('x-000002.safetensors')).toBe(false);
  });

  it('should deliver what it made before it was cancelled', async () => {
    const { job } = await start('wait');
    await until('a checkpoint', () => job.artifacts.has(WEIGHTS));
    job.isCancelRequested = true;
    await until('the job to be cancelled', () => job.status === 'cancelled');
    expect(job.result).toMatchObject({ partialCheckpoints: [WEIGHTS] });
  });

  it('should deliver what is whole when it fails', async () => {
    const { job } = await start('fail');
    await until('the job to fail', () => job.status === 'failed');
    expect(job.result).toMatchObject({ partialCheckpoints: [WEIGHTS] });
    expect([...job.artifacts.keys()]).toEqual(expect.arrayContaining([WEIGHTS, SAMPLE]));
    expect(job.artifacts.has('x-000002.safetensors')).toBe(false);
  });

  it('should be handed back to another worker where the hub gives this one no access to the base model', async () => {
    const { job } = await start('refused');
    await until('the job to be handed back', () => job.ends.length > 0);
    expect(job.ends).toEqual(['pending']);
    expect(job.refusals).toEqual([expect.stringMatching(/licence.*HF_TOKEN/)]);
  });

  it('should not be completed with weights of a loss that is no number', async () => {
    const { job } = await start('spoil');
    await until('the job to end', () => job.status === 'failed' || job.status === 'completed');
    expect(job).toMatchObject({ status: 'failed', result: { code: 'loss_not_finite' } });
  });

  it('should deliver all but states when it is done', async () => {
    const { job } = await start('finish');
    await until('the job to complete', () => job.status === 'completed');
    expect(job.result).toMatchObject({
      loraPath: 'data/loras/x/x.safetensors',
      checkpoints: [WEIGHTS, 'x-000002.safetensors', 'x.safetensors'],
      samples: [SAMPLE],
    });
    expect([...job.artifacts.values()].filter(({ meta }) => meta.kind === 'state')).toEqual([]);
  });
});
