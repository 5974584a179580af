import type { InfluencerAIClient, Job } from '@influencerai/sdk';

let count = 0;

/** Registers the bundled pictures. */
export const registerDataset = (client: InfluencerAIClient, path = 'data/datasets/my-influencer') =>
  client.datasets.create({ kind: 'lora-training', path, meta: { triggerWord: 'ohwx' } });

export interface QuickJob {
  /** Optimizer steps in all. */
  steps: number;
  /** Pause after each step, to have time to interfere. */
  stepDelayMs?: number;
  samplePrompts?: string[];
  /** Of the dataset; the bundled pictures by default. */
  path?: string;
}

/** Submits a job on the built-in trainer. */
export async function submitQuickJob(
  client: InfluencerAIClient,
  { steps, stepDelayMs = 0, samplePrompts = [], path }: QuickJob,
): Promise<Job> {
  const dataset = await registerDataset(client, path);
  const config = await client.loraConfigs.create({
    name: `quick ${++count} ${process.pid}`,
    modelName: 'tiny-image',
    batchSize: 2,
    networkDim: 8,
    networkAlpha: 8,
    epochs: 10,
    meta: { maxSteps: steps, stepDelayMs, samplePrompts },
  });
  return client.jobs.create({ type: 'lora-training', payload: { datasetId: dataset.id, loraConfigId: config.id } });
}

/** Polls a job until it is as wanted; survives an API that is away. Gives up when nothing moved for `timeoutMs`. */
export async function waitForJob(
  client: InfluencerAIClient,
  id: string,
  isAsWanted: (job: Job) => boolean,
  timeoutMs = 60_000,
): Promise<Job> {
  let deadline = Date.now() + timeoutMs;
  let seen = '';
  for (;;) {
    const job = await client.jobs.get(id).catch((error: unknown) => error as Error);
    if (!(job instanceof Error) && isAsWanted(job)) return job;
    const now = job instanceof Error ? seen : [job.status, job.attempt, stepOf(job)].join();
    if (now !== seen) deadline = Date.now() + timeoutMs;
    seen = now;
    if (Date.now() > deadline)
      throw new Error(`Gave up on job ${id}: ${job instanceof Error ? job.message : JSON.stringify(job)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const stepOf = (job: Job): number =>
  (job.result as { progress?: { currentStep?: number } } | null)?.progress?.currentStep ?? 0;
