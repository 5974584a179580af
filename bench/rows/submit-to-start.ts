import { stat } from 'node:fs/promises';
import path from 'node:path';
import { waitUntil } from '@influencerai/local';
import { createPostgresBackend, Queue, Worker, withBackend } from 'bullmq';
import { clientOf, jobSubmitter } from '../jobs.ts';
import type { Figure, Options, Row } from '../row.ts';
import { median } from '../statistics.ts';
import type { System } from '../system.ts';

const TARGET_MS = 30;

export const submitToStart: Row = {
  name: 'submit-to-start',
  about: 'from POST /jobs until the trainer’s process exists, against raw BullMQ from add to active',
  measure: async (system, options) => {
    const redisUrl = await system.redis();
    const figures = [await measure(system, options, 'PostgreSQL', undefined)];
    if (redisUrl) figures.push(await measure(system, options, 'Redis', redisUrl));
    else options.say('No redis-server on the PATH: the row for Redis is left out.');
    return figures;
  },
};

async function measure(
  system: System,
  options: Options,
  backend: string,
  redisUrl: string | undefined,
): Promise<Figure> {
  const database = await system.database(`start_${backend.toLowerCase()}`);
  const queue = { QUEUE_DATABASE_URL: database, ...(redisUrl && { REDIS_URL: redisUrl }) };
  const apiUrl = await system.api(database, redisUrl ? { REDIS_URL: redisUrl } : {});
  const workerDir = system.worker(apiUrl, { ...queue, KEEP_WORKSPACES: '1000' });
  const starts = await timeStarts(apiUrl, workerDir, options, backend);
  options.say(`${backend}: raw BullMQ`);
  const raw = await timeRawQueue(database, redisUrl, options.isQuick ? 50 : 300);
  const [ours, baseline] = [median(starts), median(raw)];
  return {
    what: `submit to trainer process, idle worker, queue on ${backend}, p50`,
    ours: `${ours.toFixed(1)} ms`,
    baseline: `${baseline.toFixed(1)} ms`,
    figure: `+ ${(ours - baseline).toFixed(1)} ms`,
    target: `≤ + ${TARGET_MS} ms`,
    isReached: ours - baseline <= TARGET_MS,
  };
}

/** One job at a time on an idle worker. The worker notes a trainer’s process id as soon as it has one; that is the end. */
async function timeStarts(
  apiUrl: string,
  workerDir: string,
  { isQuick, say }: Options,
  backend: string,
): Promise<number[]> {
  const client = clientOf(apiUrl);
  await waitUntil(async () => (await client.workers.list()).data.length > 0, { timeoutMs: 30_000, what: 'the worker' });
  const submit = await jobSubmitter(client);
  const times: number[] = [];
  const rounds = isQuick ? 3 : 15;
  for (let round = 0; round <= rounds; round++) {
    say(`${backend}: start ${round} of ${rounds}`);
    const submitted = performance.timeOrigin + performance.now();
    const id = await submit();
    const record = path.join(workerDir, 'jobs', id, 'attempt-1', 'trainer.json');
    const { mtimeMs } = await waitUntil(() => stat(record).catch(() => undefined), {
      timeoutMs: 30_000,
      what: 'the trainer',
      intervalMs: 2,
    });
    await waitUntil(async () => (await client.jobs.get(id)).status === 'completed', {
      timeoutMs: 60_000,
      what: 'the job',
    });
    // The first job loads code and opens connections on the way.
    if (round > 0) times.push(mtimeMs - submitted);
  }
  return times;
}

/** From `add` until the handler runs, one message at a time. */
async function timeRawQueue(databaseUrl: string, redisUrl: string | undefined, count: number): Promise<number[]> {
  let heard: (at: number) => void = () => undefined;
  const handle = () => Promise.resolve(heard(performance.now()));
  const { queue, worker } = redisUrl ? onRedis(redisUrl, handle) : onPostgres(databaseUrl, handle);
  const times: number[] = [];
  try {
    await worker.waitUntilReady();
    for (let index = 0; index < count; index++) {
      const active = new Promise<number>((resolve) => (heard = resolve));
      const added = performance.now();
      await queue.add('message', { index }, { removeOnComplete: true });
      times.push((await active) - added);
    }
  } finally {
    await worker.close();
    await queue.close();
  }
  return times.slice(Math.floor(count / 10));
}

const postgres = withBackend(createPostgresBackend);

function onPostgres(connectionString: string, handle: () => Promise<void>) {
  const connection = { connectionString, migrate: true };
  return {
    queue: new postgres.Queue('bench', { connection }),
    worker: new postgres.Worker('bench', handle, { connection }),
  };
}

function onRedis(url: string, handle: () => Promise<void>) {
  const connection = { url, maxRetriesPerRequest: null };
  return { queue: new Queue('bench', { connection }), worker: new Worker('bench', handle, { connection }) };
}
