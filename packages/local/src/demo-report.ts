import path from 'node:path';
import type { InfluencerAIClient, Job, JobArtifact } from '@influencerai/sdk';
import pc from 'picocolors';

export interface DemoTimes {
  setup: number;
  start: number;
  training: number;
}

const SPARKS = '▁▂▃▄▅▆▇█';

/** The loss curve in one line of text. */
export const sparkline = (values: number[], width = 48): string => {
  const thin = values.filter((_value, index) => index % Math.ceil(values.length / width) === 0);
  const low = Math.min(...thin);
  const span = Math.max(...thin) - low || 1;
  return thin.map((value) => SPARKS[Math.round(((value - low) / span) * (SPARKS.length - 1))]).join('');
};

/** Where a path that the API tells lies on this machine. */
export const onDisk = (dataRoot: string, told: string): string =>
  path.relative(process.cwd(), path.join(dataRoot, told.replace(/^data\//, '')));

const heading = (text: string): string => pc.bold(text);

const lossLines = (losses: number[]): string[] => {
  const [first, last] = [losses[0], losses.at(-1)];
  if (first === undefined || last === undefined) return [];
  return [`  ${sparkline(losses)}  ${first.toFixed(4)} → ${last.toFixed(4)}`];
};

const filesOf = (artifacts: JobArtifact[], kind: string, dataRoot: string): string[] =>
  artifacts.filter((artifact) => artifact.kind === kind).map((artifact) => `  ${onDisk(dataRoot, artifact.path)}`);

/** Says where everything lies, what to try next, and how long it took. */
export const printResults = async (run: {
  client: InfluencerAIClient;
  job: Job;
  dataRoot: string;
  times: DemoTimes;
}): Promise<void> => {
  const { client, job, dataRoot, times } = run;
  const [{ data: artifacts }, { data: metrics }] = await Promise.all([
    client.jobs.artifacts(job.id),
    client.jobs.metrics(job.id, { maxPoints: 480 }),
  ]);
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  const lines = [
    '',
    heading(`Trained by "${job.trainer}". Your LoRA:`),
    `  ${onDisk(dataRoot, String((job.result as { loraPath?: string } | null)?.loraPath ?? ''))}`,
    heading('Sample pictures, before and after:'),
    ...filesOf(artifacts, 'sample', dataRoot),
    heading('Loss curve:'),
    ...lossLines(metrics.map((point) => point.loss)),
    ...filesOf(artifacts, 'loss-curve', dataRoot),
    heading('What to try next:'),
    '  bin/dev                 the same, to stay: Swagger UI at http://127.0.0.1:3001/api',
    '  docs/                   how to train on a GPU, the API, the architecture',
    '',
    pc.dim(`set-up ${seconds(times.setup)} · start ${seconds(times.start)} · training ${seconds(times.training)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
};
