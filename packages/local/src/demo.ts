import { createWriteStream } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { InfluencerAIClient, type Job } from '@influencerai/sdk';
import { printResults, type DemoTimes } from './demo-report.js';
import { ensureConfig, ensureDataset } from './demo-resources.js';
import { lockFolder } from './folder-lock.js';
import { InterruptedError, onInterrupt } from './interrupts.js';
import { ProgressDisplay, type DemoProgress } from './progress-display.js';
import { REPO_ROOT } from './repo-root.js';
import { SetupError } from './setup-error.js';
import { startStack, type Stack } from './stack.js';

const FOLDER = path.join(REPO_ROOT, '.local/demo');
const DATA_ROOT = path.join(FOLDER, 'data');
const DATASET = 'datasets/my-influencer';
const POLL_MS = 250;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Copies the bundled dataset, so that the demo reads and writes below its own folder only. */
const copyDataset = (): Promise<void> =>
  cp(path.join(REPO_ROOT, 'data', DATASET), path.join(DATA_ROOT, DATASET), { recursive: true });

const train = async (client: InfluencerAIClient, signal: AbortSignal): Promise<Job> => {
  const dataset = await ensureDataset(client, `data/${DATASET}`, signal);
  say(`Dataset ready: ${dataset.stats?.images ?? 0} pictures with captions.`);
  const config = await ensureConfig(client);
  const payload = { datasetId: dataset.id, loraConfigId: config.id };
  const job = await client.jobs.create({ type: 'lora-training', payload }, { signal });
  say(`Job ${job.id} submitted; training on the CPU with the built-in trainer "tiny" (real training at toy size):`);
  const display = new ProgressDisplay(process.stdout);
  const onProgress = (current: { result: { progress: DemoProgress } }) => display.show(current.result.progress);
  try {
    return await client.jobs.waitForCompletion(job.id, { onProgress, pollInterval: POLL_MS, signal });
  } finally {
    display.end();
  }
};

const secondsSince = (startMs: number): number => (Date.now() - startMs) / 1000;

/** What the shell part did before; it knows whole seconds only. */
const setupSeconds = (env: NodeJS.ProcessEnv): number => {
  const started = Number(env.BOOTSTRAP_STARTED_S) * 1000;
  return started ? Math.max(0, secondsSince(started)) : 0;
};

const demonstrate = async (env: NodeJS.ProcessEnv, signal: AbortSignal, onStack: (stack: Stack) => void) => {
  const times: DemoTimes = { setup: setupSeconds(env), start: 0, training: 0 };
  const startedAt = Date.now();
  say('Starting PostgreSQL, API and worker …');
  await copyDataset();
  const log = createWriteStream(path.join(FOLDER, 'demo.log'));
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = env;
  const stack = await startStack({
    folder: FOLDER,
    dataRoot: DATA_ROOT,
    env: { ...inherited, AUTH_MODE: 'tenant-header', TRAINER_FALLBACK: 'tiny' },
    onLine: (service, line) => log.write(`${service} ${line}\n`),
    signal,
  });
  onStack(stack);
  times.start = secondsSince(startedAt);

  const client = new InfluencerAIClient({ baseUrl: stack.apiUrl, tenantId: 'tenant_demo' });
  const trainedAt = Date.now();
  const broken = stack.broken.then((message) => Promise.reject(new SetupError(message)));
  const job = await Promise.race([train(client, signal), broken]);
  times.training = secondsSince(trainedAt);
  await printResults({ client, job, dataRoot: DATA_ROOT, times });
};

/** `bin/demo`: from nothing to a first LoRA, on its own stack, which it stops again. */
export const runDemo = async (env: NodeJS.ProcessEnv): Promise<void> => {
  let stack: Stack | undefined;
  const signal = onInterrupt(() => stack?.kill());
  const unlock = await lockFolder(FOLDER, 'bin/demo');
  try {
    await demonstrate(env, signal, (started) => (stack = started));
  } catch (error) {
    if (signal.aborted) throw signal.reason instanceof InterruptedError ? signal.reason : error;
    throw new SetupError(`The demo failed: ${(error as Error).message} (log: ${path.join(FOLDER, 'demo.log')})`, {
      cause: error,
    });
  } finally {
    await stack?.stop();
    await unlock();
  }
};
