import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { DRIVERS_DIR } from '@influencerai/trainers';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FakeJob } from './fake-api.js';
import { aSpec, Host } from './host.js';

const TRAINERS_DIR = process.env['TRAINERS_DIR'] ?? fileURLToPath(new URL('../../../.local/trainers', import.meta.url));
const HOME = join(TRAINERS_DIR, 'kohya');
const isInstalled = existsSync(join(HOME, 'installed.json'));

const LIMIT_MS = 280_000;
const JOB_ID = '00000000-0000-4000-8000-000000000001';
const PROMPT = 'ohwx --n 9999 at the sea';

/** Eight pictures of one bucket, two a batch: four steps an epoch. */
const spec = aSpec({
  kind: 'image',
  trainer: 'kohya',
  requestedTrainer: 'kohya',
  baseModel: 'Tiny SD',
  dataset: {
    id: 'd1',
    kind: 'lora-training',
    path: 'data/datasets/faces',
    digest: 'abc',
    examples: 8,
    triggerWord: 'ohwx',
  },
  training: {
    ...aSpec().training,
    epochs: 3,
    batchSize: 2,
    resolution: 64,
    optimizer: 'AdamW8bit',
    lrScheduler: 'cosine',
    minSnrGamma: 5,
  },
  samples: { prompts: [PROMPT] },
  extra: { saveEverySteps: 3, sampleEveryEpochs: 2, sampleSteps: 2 },
});
const STEPS = Array.from({ length: 12 }, (_, index) => index + 1);

let tiny: string;
let host: Host;

const name = 'the real kohya';

(isInstalled ? describe : describe.skip)(
  isInstalled ? name : `${name} (not installed; get it with: bin/trainers install kohya)`,
  () => {
    beforeAll(async () => {
      tiny = await mkdtemp(join(tmpdir(), 'tiny-sd-'));
      await promisify(execFile)(join(HOME, 'venv/bin/python'), ['-m', 'influencerai_drivers.tiny_models.sd15', tiny], {
        env: { ...process.env, PYTHONPATH: DRIVERS_DIR, OMP_NUM_THREADS: '1' },
      });
    }, LIMIT_MS);

    afterAll(() => rm(tiny, { recursive: true, force: true }));

    beforeEach(async () => {
      host = await Host.open();
      await cp(join(tiny, 'images'), join(host.dir, 'data/datasets/faces'), { recursive: true });
      const entry = { trainer: 'kohya', family: 'sd1', model: join(tiny, 'model') };
      const models = { 'tiny sd': { ...entry, tokenizerCacheDir: join(tiny, 'tokenizers') } };
      // JSON is YAML too.
      await writeFile(join(host.dir, 'models.yaml'), JSON.stringify({ models }));
    });

    afterEach(() => host.close());

    it(
      'should train a job to its end under the worker',
      async () => {
        const job = host.api.addJob(JOB_ID, spec);
        await host.startAgent(variables());
        await ended(job);
        expect({ status: job.status, result: job.result }).toMatchObject({
          status: 'completed',
          result: { steps: 12 },
        });
        expect([...job.metrics.keys()]).toEqual(STEPS);
        const names = [...job.artifacts.keys()];
        expect(names).toEqual(expect.arrayContaining(['x.safetensors', 'x-step00000003.safetensors']));
        expect(names.filter((file) => file.endsWith('.png'))).toHaveLength(1);
        expectTrained(job);
      },
      LIMIT_MS,
    );

    it(
      'should go on from its state after worker and trainer were killed, with the rates of an unbroken run',
      async () => {
        const job = host.api.addJob(JOB_ID, spec);
        const worker = host.startProcess(variables());
        await reaching(job, 4);
        worker.kill('SIGKILL');
        process.kill(-(await trainerPid()), 'SIGKILL');
        const before = new Map(job.metrics);
        job.status = 'pending';
        await host.startAgent(variables());
        await ended(job);
        expect(job).toMatchObject({ status: 'completed', attempt: 2, result: { steps: 12 } });
        expect([...job.metrics.keys()].toSorted((a, b) => a - b)).toEqual(STEPS);
        expect(job.logs.map(({ text }) => text)).toContainEqual(
          expect.stringMatching(/^Going on from the state of step (3|6|9)\.$/),
        );
        for (const [step, point] of before) expect(job.metrics.get(step)?.learningRate).toBe(point.learningRate);
        for (const step of STEPS) expect(job.metrics.get(step)?.learningRate).toBeCloseTo(cosineAt(step), 12);
        expectTrained(job);
      },
      LIMIT_MS,
    );
  },
);

const variables = () => ({
  TRAINERS_DIR,
  MODELS_FILE: join(host.dir, 'models.yaml'),
  GRACE_MS: '60000',
});

/** The rate that the cosine schedule gives the n-th step. */
const cosineAt = (step: number): number =>
  spec.training.learningRate * 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / STEPS.length));

const trainerPid = async (): Promise<number> => {
  const files = await readdir(host.workerDir, { recursive: true });
  const record = files.find((file) => file.endsWith('trainer.json'))!;
  return (JSON.parse(await readFile(join(host.workerDir, record), 'utf8')) as { pid: number }).pid;
};

const wait = async (what: string, condition: () => boolean): Promise<void> => {
  const deadline = Date.now() + LIMIT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await delay(50);
  }
};
const ended = (job: FakeJob): Promise<void> => wait('the job to end', () => job.ends.length > 0);
const reaching = (job: FakeJob, step: number): Promise<void> =>
  wait(`step ${step}`, () => job.ends.length > 0 || Math.max(0, ...job.metrics.keys()) >= step);

/** The weights open, are those of U-Net and text encoder, and are not the ones that training began with. */
const expectTrained = (job: FakeJob): void => {
  const { tensors, metadata } = decodeSafetensors(job.artifacts.get('x.safetensors')!.content);
  const names = Object.keys(tensors);
  expect(names.every((file) => /^lora_(unet|te)_.*\.(lora_down\.weight|lora_up\.weight|alpha)$/.test(file))).toBe(true);
  const ups = names.filter((file) => file.endsWith('.lora_up.weight'));
  expect(ups.some((file) => tensors[file]!.data.some((value) => value !== 0))).toBe(true);
  expect(metadata).toMatchObject({ job_id: JOB_ID, ss_steps: '12', ss_output_name: 'x', ss_network_dim: '4' });
};
