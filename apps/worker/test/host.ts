import { TrainingSpecSchema, type TrainingSpec } from '@influencerai/shared';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino, type Logger } from 'pino';
import { createAgent, parseEnv, type Agent } from '../src/index.js';
import { FakeApi } from './fake-api.js';

const PACE = {
  progressMs: 20,
  logsMs: 20,
  filesMs: 20,
  forgetMs: 20,
  retryMs: { first: 20, max: 100 },
  folderRetryMs: { first: 50, max: 200 },
};

type Variables = Record<string, string>;

/** Path of a trainer that behaves in one certain way. */
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url));

/** An interpreter that passes the check before a start, and for a job does what the shell commands say. */
export const fakePython = (commands = 'exit 1'): string => `#!/bin/sh
case "$*" in
*--doctor) echo '{"python": "3.11.7", "torch": "2.9.1", "cuda": "12.8", "canStart": true}' ;;
*) ${commands} ;;
esac
`;

/** A program that lists these GPUs as `nvidia-smi` does, for what the worker asks of it. */
export const fakeNvidiaSmi = (...gpus: string[]): string =>
  `#!/bin/sh\ncase "$*" in *driver_version*) echo 570.86 ;; *) printf '%s\\n' ${gpus.map((line) => `'${line}'`).join(' ')} ;; esac\n`;

export const H200 = '0, GPU-5f2f1c2e-0b1a-4c8d-9a50-3c8f1f6f0a01, NVIDIA H200, 143771, 9.0, Disabled';

/** A folder with a dataset, an API, and the workers that a test starts on them. Call `close` after each test. */
export class Host {
  readonly api = new FakeApi();
  readonly #agents = new Set<Agent>();
  readonly #processes = new Set<ChildProcess>();

  private constructor(readonly dir: string) {}

  static async open(): Promise<Host> {
    const host = new Host(await mkdtemp(join(tmpdir(), 'worker-test-')));
    await mkdir(join(host.dir, 'data/datasets/x'), { recursive: true });
    await writeFile(join(host.dir, 'data/datasets/x/notes.txt'), 'to be or not to be\nthat is the question\n');
    await host.api.start();
    return host;
  }

  get workerDir(): string {
    return join(this.dir, 'worker');
  }

  variables(overrides: Variables = {}): Variables {
    return {
      API_URL: this.api.url,
      WORKER_DIR: this.workerDir,
      DATA_ROOT: join(this.dir, 'data'),
      DATASET_ACCESS: 'mount',
      WORKER_SLOTS: '2',
      CLAIM_POLL_MS: '30',
      GRACE_MS: '3000',
      NVIDIA_SMI: 'no-such-program',
      PATH: process.env['PATH'] ?? '',
      LOG_LEVEL: 'silent',
      TINY_PROGRAM: fixture('good-trainer'),
      ...overrides,
    };
  }

  /** A worker in this process. */
  async startAgent(
    overrides: Variables = {},
    log: Logger = pino({ level: 'silent' }),
    pace: Partial<typeof PACE> = {},
  ): Promise<Agent> {
    const agent = await createAgent(parseEnv(this.variables(overrides)), log, { ...PACE, ...pace });
    this.#agents.add(agent);
    await agent.start();
    return agent;
  }

  async drain(agent: Agent): Promise<void> {
    this.#agents.delete(agent);
    await agent.drain();
  }

  /** A worker as a process of its own, from the build. */
  startProcess(overrides: Variables = {}): ChildProcess {
    const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: this.variables(overrides),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#processes.add(child);
    return child;
  }

  /** Whether something of the first job's first attempt waits for the API. */
  async isSpooled(lane: 'end' | 'files'): Promise<boolean> {
    const spool = join(this.workerDir, 'jobs/00000000-0000-4000-8000-000000000001/attempt-1/spool');
    const names = await readdir(spool).catch(() => []);
    return names.some((name) => name.endsWith(`-${lane}.json`));
  }

  /** Trainers that run now, by the records of their workspaces. */
  async liveTrainers(): Promise<number> {
    const files = await readdir(join(this.workerDir, 'jobs'), { recursive: true }).catch(() => []);
    return files.filter((file) => file.endsWith('trainer.json')).length;
  }

  async close(): Promise<void> {
    await this.api.stop().then(() => this.api.start());
    await Promise.all([...this.#agents].map((agent) => agent.drain()));
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await this.api.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** A text job that the fixtures can run. */
export const aSpec = (overrides: Partial<TrainingSpec> = {}): TrainingSpec =>
  TrainingSpecSchema.parse({
    version: 1,
    kind: 'text',
    trainer: 'tiny',
    requestedTrainer: 'tiny',
    baseModel: 'tiny',
    dataset: { id: 'd1', kind: 'fine-tuning', path: 'data/datasets/x', digest: null, examples: 2, triggerWord: null },
    output: { dir: 'data/loras/x', name: 'x' },
    training: {
      epochs: 4,
      maxSteps: null,
      batchSize: 1,
      learningRate: 0.001,
      resolution: 512,
      optimizer: 'AdamW',
      lrScheduler: 'constant',
      minSnrGamma: null,
      seed: 1,
    },
    network: { dim: 4, alpha: 4 },
    samples: { prompts: ['to'] },
    extra: {},
    ...overrides,
  });
