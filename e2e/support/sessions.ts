import type { InfluencerAIClient, JobArtifact, JobMetric } from '@influencerai/sdk';
import type { Stack } from './stack.js';

/** Looks again and again until something is there. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 100_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('Gave up waiting.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Until the API has what another host needs to go on from this step. */
export const untilSaved = (client: InfluencerAIClient, id: string, step: number): Promise<JobArtifact> =>
  eventually(async () =>
    (await client.jobs.artifacts(id, { kind: 'state' })).data.find((state) => state.step === step),
  );

/** The steps after which trainers began, from the log. */
export async function startsOf(stack: Stack, id: string): Promise<number[]> {
  const rows = await stack.rows<{ text: string }>(
    `select text from job_log where job_id = $1 and text like 'Training starts after step %' order by attempt, seq`,
    [id],
  );
  return rows.map(({ text }) => Number(/after step (\d+)/.exec(text)?.[1]));
}

export const lossesOf = (curve: JobMetric[]): number[] => curve.map(({ loss }) => loss);
