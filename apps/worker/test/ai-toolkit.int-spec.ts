import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { DRIVERS_DIR } from '@influencerai/trainers';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FakeJob } from './fake-api.js';
import { aSpec, Host } from './host.js';

const TRAINERS_DIR = process.env['TRAINERS_DIR'] ?? fileURLToPath(new URL('../../../.local/trainers', import.meta.url));
const HOME = join(TRAINERS_DIR, 'ai-toolkit');
const isInstalled = existsSync(join(HOME, 'installed.json'));

/** Importing all of ai-toolkit takes a good part of a minute by itself. */
const LIMIT_MS = 280_000;
const JOB_ID = '00000000-0000-4000-8000-000000000001';

const spec = aSpec({
  kind: 'image',
  trainer: 'ai-toolkit',
  requestedTrainer: 'ai-toolkit',
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
  samples: { prompts: ['ohwx --steps 9999 at the sea'] },
  extra: { saveEverySteps: 4, sampleEverySteps: 8, sampleSteps: 2, gradientCheckpointing: false },
});

let tiny: string;
let host: Host;

const name = 'the real ai-toolkit';

(isInstalled ? describe : describe.skip)(
  isInstalled ? name : `${name} (not installed; get it with: bin/trainers install ai-toolkit)`,
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
      await writeFile(
        join(host.dir, 'models.yaml'),
        `models:\n  tiny sd:\n    trainer: ai-toolkit\n    arch: sd1\n    model: ${join(tiny, 'model')}\n`,
      );
    });

    afterEach(() => host.close());

    it(
      'should train a job to its end under the worker, with losses as the trainer logged them',
      async () => {
        const job = host.api.addJob(JOB_ID, spec);
        await host.startAgent({ ...variables(), KEEP_WORKSPACES: '5' });
        await ended(job);
        expect({ status: job.status, result: job.result }).toMatchObject({
          status: 'completed',
          result: { steps: 12 },
        });
        expect([...job.metrics.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        const names = [...job.artifacts.keys()];
        expect(names).toEqual(expect.arrayContaining(['x.safetensors', 'x-step00000004.safetensors']));
        expect(names.filter((name) => name.endsWith('.jpg')).length).toBeGreaterThanOrEqual(2);
        expect(await loggedLosses()).toEqual([...job.metrics].slice(1).map(([step, { loss }]) => [step, loss]));
        expectTrained(job);
      },
      LIMIT_MS,
    );

    it(
      'should go on from its state after worker and trainer were killed, as if nothing had been',
      async () => {
        const job = host.api.addJob(JOB_ID, spec);
        const worker = host.startProcess(variables());
        await reaching(job, 5);
        worker.kill('SIGKILL');
        process.kill(-(await trainerPid()), 'SIGKILL');
        const before = new Map(job.metrics);
        job.status = 'pending';
        await host.startAgent(variables());
        await ended(job);
        expect(job).toMatchObject({ status: 'completed', attempt: 2, result: { steps: 12 } });
        expect([...job.metrics.keys()].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        for (const [step, point] of before) expect(job.metrics.get(step)).toMatchObject({ loss: point.loss });
        expect(job.logs.map(({ text }) => text)).toContain('Going on from the state of step 4.');
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
  OMP_NUM_THREADS: '1',
});

/** The trainer's own log; it counts from 0, and leaves out the first step. */
const loggedLosses = async (): Promise<[step: number, loss: number][]> => {
  const files = await readdir(host.workerDir, { recursive: true });
  const log = new DatabaseSync(
    join(
      host.workerDir,
      files.find((file) => file.endsWith('loss_log.db'))!,
    ),
  );
  const rows = log.prepare("SELECT step, value_real FROM metrics WHERE key = 'loss/loss' ORDER BY step").all();
  log.close();
  return rows.map((row) => [Number(row['step']) + 1, Number(row['value_real'])]);
};

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

/** The weights open, are of the kind that kohya's tools read, and are not the ones that training began with. */
const expectTrained = (job: FakeJob): void => {
  const { tensors, metadata } = decodeSafetensors(job.artifacts.get('x.safetensors')!.content);
  const names = Object.keys(tensors);
  expect(names.every((name) => /^lora_unet_.*\.(lora_down\.weight|lora_up\.weight|alpha)$/.test(name))).toBe(true);
  const ups = names.filter((name) => name.endsWith('.lora_up.weight'));
  expect(ups.some((name) => tensors[name]!.data.some((value) => value !== 0))).toBe(true);
  expect(metadata).toMatchObject({ job_id: JOB_ID, ss_output_name: 'x' });
};
