import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Stack } from './support/stack.js';
import { registerDataset, waitForJob } from './support/training.js';

/** `E2E_FAIRNESS_JOBS=200` runs the large case. */
const JOBS = Number(process.env['E2E_FAIRNESS_JOBS'] ?? 40);
const TENANTS = 10;
const SLOTS = 4;
const LIMIT = 2;

jest.setTimeout(60_000 + JOBS * 6_000);

describe('fairness between tenants', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres', slots: SLOTS, workers: 0 });
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it(`should share ${SLOTS} slots evenly over ${TENANTS} tenants that submit ${JOBS} jobs in bursts`, async () => {
    const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant_${index}`);
    const ids: [string, string][] = [];
    for (const tenant of tenants) {
      const client = stack.client(tenant);
      const dataset = await registerDataset(client);
      await stack.rows('update tenant set max_concurrent_jobs = $2 where id = $1', [tenant, LIMIT]);
      const config = await client.loraConfigs.create({
        name: 'burst',
        modelName: 'tiny-image',
        epochs: 1,
        batchSize: 2,
        networkDim: 4,
        networkAlpha: 4,
        meta: { maxSteps: 2, samplePrompts: [] },
      });
      for (let index = 0; index < JOBS / TENANTS; index++) {
        const job = await client.jobs.create({
          type: 'lora-training',
          payload: { datasetId: dataset.id, loraConfigId: config.id },
        });
        ids.push([tenant, job.id]);
      }
    }
    // Only now: who submits first on a slow machine would else be served before the others have asked.
    await stack.startWorker();
    for (const [tenant, id] of ids)
      await waitForJob(stack.client(tenant), id, (job) => job.status === 'completed', JOBS * 6_000);

    const history = await stack.rows<{ tenant: string; from: string | null; to: string }>(
      `select tenant_id as tenant, data ->> 'from' as from, data ->> 'to' as to from job_event where type = 'status' order by id`,
    );
    expect(mostAtOnce(history, ['running'])).toBeLessThanOrEqual(LIMIT);
    expect(mostAtOnce(history, ['pending', 'running'])).toBeLessThanOrEqual(LIMIT);
    expect(history.filter((event) => event.to === 'completed')).toHaveLength(JOBS);
    // What is claimed is the fleet's choice; what completes first, the machine's.
    const firstHalf = history.filter((event) => event.to === 'running').slice(0, JOBS / 2);
    expect(
      jain(tenants.map((tenant) => firstHalf.filter((event) => event.tenant === tenant).length)),
    ).toBeGreaterThanOrEqual(0.9);
  });
});

/** The largest number of jobs that one tenant ever had in these states. */
function mostAtOnce(history: { tenant: string; from: string | null; to: string }[], states: string[]): number {
  const now = new Map<string, number>();
  let most = 0;
  for (const { tenant, from, to } of history) {
    const change = Number(states.includes(to)) - Number(from !== null && states.includes(from));
    now.set(tenant, (now.get(tenant) ?? 0) + change);
    most = Math.max(most, now.get(tenant) ?? 0);
  }
  return most;
}

/** Jain's fairness index: 1 when all shares are equal, 1/n when one has all. */
function jain(shares: number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0));
}
