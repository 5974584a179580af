import { afterAll, afterEach, beforeAll, beforeEach, describe } from '@jest/globals';
import type { TrainingSpec } from '@influencerai/shared';
import { DRIVERS_DIR, type UpstreamId } from '@influencerai/trainers';
import type { ChildProcess } from 'node:child_process';
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
import { until } from './until.js';

/** Without a step. Imports of these trainers alone take a good part of a minute, and several on a busy machine. */
const QUIET_MS = 600_000;

/** How long a training may take is not the question of these tests. */
export const LIMIT_MS = 3_600_000;

const TRAINERS_DIR = process.env['TRAINERS_DIR'] ?? fileURLToPath(new URL('../../../.local/trainers', import.meta.url));

/** A trainer of this machine, a random model that fits a CPU, and a host with the data to train it on. */
export interface RealTrainer {
  /** Folder with the model, made once. */
  readonly tiny: string;
  /** A new one for each test. */
  readonly host: Host;
  /** What a worker needs to offer the trainer. */
  variables: () => Record<string, string>;
}

interface RealTrainerInput {
  id: UpstreamId;
  /** As the trainer calls itself. */
  name: string;
  /** Module of the drivers that makes the model and the data. */
  model: 'sd15' | 'text';
  /** Puts the data into the host; returns the registry of models. */
  prepare: (real: RealTrainer) => Promise<object>;
}

/** Tests of a real trainer, which are skipped where it is not installed. */
export const describeReal = (
  { id, name, model, prepare }: RealTrainerInput,
  tests: (real: RealTrainer) => void,
): void => {
  const dir = join(TRAINERS_DIR, id);
  const isInstalled = existsSync(join(dir, 'installed.json'));
  const advice = isInstalled ? '' : ` (not installed; get it with: bin/trainers install ${id})`;
  (isInstalled ? describe : describe.skip)(`the real ${name}${advice}`, () => {
    let tiny: string;
    let host: Host;
    const real: RealTrainer = {
      get tiny() {
        return tiny;
      },
      get host() {
        return host;
      },
      variables: () => ({ TRAINERS_DIR, MODELS_FILE: join(host.dir, 'models.yaml'), GRACE_MS: '60000' }),
    };

    beforeAll(async () => {
      tiny = await mkdtemp(join(tmpdir(), 'tiny-model-'));
      const module = `influencerai_drivers.tiny_models.${model}`;
      await promisify(execFile)(join(dir, 'venv/bin/python'), ['-m', module, tiny], {
        env: { ...process.env, PYTHONPATH: DRIVERS_DIR, OMP_NUM_THREADS: '1' },
      });
    }, LIMIT_MS);
    afterAll(() => rm(tiny, { recursive: true, force: true }));

    beforeEach(async () => {
      host = await Host.open();
      // JSON is YAML too.
      await writeFile(join(host.dir, 'models.yaml'), JSON.stringify({ models: await prepare(real) }));
    });
    afterEach(() => host.close());

    tests(real);
  });
};

/** Eight pictures of one bucket, two a batch: twelve steps in three epochs. */
export const aPictureSpec = (overrides: Partial<TrainingSpec>): TrainingSpec =>
  aSpec({
    kind: 'image',
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
    ...overrides,
  });

/** Puts the pictures of the model's maker where `aPictureSpec` names them. */
export const copyPictures = ({ tiny, host }: RealTrainer): Promise<void> =>
  cp(join(tiny, 'images'), join(host.dir, 'data/datasets/faces'), { recursive: true });

/** The numbers of steps from the first to the last. */
export const stepsTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** The steps that were reported, in order. */
export const reportedSteps = (job: FakeJob): number[] => [...job.metrics.keys()].toSorted((a, b) => a - b);

export const ended = (job: FakeJob): Promise<void> =>
  wait(job, 'the job to end', () => job.ends.length > 0 && job.status !== 'running');

export const reaching = (job: FakeJob, step: number): Promise<void> =>
  wait(job, `step ${step}`, () => job.ends.length > 0 || Math.max(0, ...job.metrics.keys()) >= step);

/** Where the worker puts aside what a job under `KEEP_WORKSPACES` left, once the API knows of its end. */
export const keptFolder = async ({ id }: FakeJob, { workerDir }: Host): Promise<string> => {
  const folder = join(workerDir, 'kept', id);
  await until('the workspace to be put aside', () => existsSync(folder));
  return folder;
};

/** As when the host loses its power: neither worker nor trainer has time for anything. */
export const killBoth = async (worker: ChildProcess, { host }: RealTrainer): Promise<void> => {
  // Before, since a trainer that loses its worker ends by itself.
  const pid = await trainerPid(host);
  worker.kill('SIGKILL');
  process.kill(-pid, 'SIGKILL');
};

const trainerPid = async ({ workerDir }: Host): Promise<number> => {
  const [jobId] = await readdir(join(workerDir, 'jobs'));
  const [attempt] = await readdir(join(workerDir, 'jobs', jobId!));
  const record = await readFile(join(workerDir, 'jobs', jobId!, attempt!, 'trainer.json'), 'utf8');
  return (JSON.parse(record) as { pid: number }).pid;
};

const wait = async ({ metrics }: FakeJob, what: string, condition: () => boolean): Promise<void> => {
  let deadline = Date.now() + QUIET_MS;
  let seen = metrics.size;
  while (!condition()) {
    if (metrics.size !== seen) deadline = Date.now() + QUIET_MS;
    seen = metrics.size;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await delay(20);
  }
};
