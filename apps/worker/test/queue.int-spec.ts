import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createEmptyDatabase, freePort } from '@influencerai/local';
import { openSender, queueConnection, type TaskSender } from '@influencerai/queue';
import { trainerQueue } from '@influencerai/shared';
import { pino } from 'pino';
import { aSpec, Host } from './host.js';
import { until } from './until.js';

const NEVER = '600000';

let host: Host;
let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
let sender: TaskSender;

beforeAll(async () => {
  database = await createEmptyDatabase();
  sender = await openSender(queueConnection({ databaseUrl: database.url }));
});

afterAll(async () => {
  await sender.close();
  await database.drop();
});

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

describe('a worker with a queue', () => {
  it('should claim when a message comes', async () => {
    await host.startAgent({ QUEUE_DATABASE_URL: database.url, CLAIM_POLL_MS: NEVER });
    for (let number = 1; number <= 3; number += 1) {
      const job = host.api.addJob(`00000000-0000-4000-8000-00000000000${number}`, aSpec());
      await sender.send(trainerQueue('tiny'), 'train-lora', { jobId: job.id }, job.id);
      await until('the job to complete', () => job.status === 'completed');
    }
  });

  it('should claim all that waits, since any message may be lost', async () => {
    await host.startAgent({ QUEUE_DATABASE_URL: database.url, CLAIM_POLL_MS: NEVER, WORKER_SLOTS: '1' });
    for (let number = 1; number <= 3; number += 1)
      host.api.addJob(`00000000-0000-4000-8000-00000000000${number}`, aSpec());
    await sender.send(
      trainerQueue('tiny'),
      'train-lora',
      { jobId: '00000000-0000-4000-8000-000000000003' },
      'one-for-all',
    );
    await until('all jobs to complete', () =>
      [...host.api.jobs.values()].every(({ status }) => status === 'completed'),
    );
  });

  it('should say once that its queue is away, and work all the same', async () => {
    const lines: string[] = [];
    const log = pino(
      { level: 'warn' },
      { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) },
    );
    const port = await freePort();
    const job = host.api.addJob('00000000-0000-4000-8000-000000000001', aSpec());
    await host.startAgent({ QUEUE_DATABASE_URL: `postgres://user@127.0.0.1:${port}/none` }, log);
    await until('the job to complete', () => job.status === 'completed');
    await until('a complaint', () => lines.some((line) => line.startsWith('PostgreSQL')));
    // A busy machine may be late with an answer of the API, too.
    const complaints = lines.filter((line) => !line.startsWith('The API at '));
    expect(complaints).toEqual([expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:\d+ does not answer/)]);
  });
});
