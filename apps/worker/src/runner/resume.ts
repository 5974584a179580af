import { JobMetricSchema, type JobArtifact, type JobMetric } from '@influencerai/shared';
import type { Trainer } from '@influencerai/trainers';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Api, JobRef } from '../api/api.js';
import { readCurve } from './curve-log.js';
import { unpackState } from './state-archive.js';
import type { SpoolEntry } from './spool.js';
import type { Workspace } from './workspace.js';

type ArtifactEntry = Extract<SpoolEntry, { type: 'artifact' }>;

/** What earlier attempts of a job left for this one. */
export interface Resumption {
  /** Absolute path and step of the newest state. */
  from: { path: string; step: number } | undefined;
  checkpoints: string[];
  samples: string[];
  points: JobMetric[];
  /** Those of the points that the API has not got. */
  unreported: JobMetric[];
  /** Files of an attempt that crashed on this host, which the API has not got. */
  undelivered: ArtifactEntry[];
}

export interface ResumeInput {
  job: JobRef;
  trainer: Trainer;
  workspace: Workspace;
  api: Pick<Api, 'artifacts' | 'metrics' | 'downloadArtifact'>;
  log: Logger;
}

/** Finds the newest state of a job, on this host or through the API, and what it made so far. */
export const findResumption = async (input: ResumeInput): Promise<Resumption> => {
  if (input.job.attempt === 1)
    return { from: undefined, checkpoints: [], samples: [], points: [], unreported: [], undelivered: [] };
  const [delivered, states, reported, measured, local, undelivered] = await Promise.all([
    orNone(input, 'artifacts', () => input.api.artifacts(input.job)),
    orNone(input, 'states', () => input.api.artifacts(input.job, 'state')),
    orNone(input, 'metrics', () => input.api.metrics(input.job)),
    localPoints(input.workspace),
    newestLocalState(input),
    undeliveredFiles(input.workspace),
  ]);
  const from = await newestState(input, local, states);
  const carried = await pointsOf(from);
  const step = from?.step ?? 0;
  const files = [...delivered, ...undelivered].filter((file) => (file.step ?? 0) <= step);
  const namesOf = (kind: JobArtifact['kind']) => files.filter((file) => file.kind === kind).map((file) => file.name);
  return {
    from,
    checkpoints: namesOf('checkpoint'),
    samples: namesOf('sample'),
    ...joinPoints(reported, [...measured, ...carried], step),
    undelivered: undelivered.filter((file) => file.kind !== 'state' && (file.step ?? 0) <= step),
  };
};

type Found = { path: string; step: number };

const newestState = async (
  input: ResumeInput,
  local: Found | undefined,
  states: JobArtifact[],
): Promise<Found | undefined> => {
  const remote = states.sort((a, b) => (b.step ?? 0) - (a.step ?? 0))[0];
  if (!remote || (remote.step ?? 0) <= (local?.step ?? -1)) return local;
  const archive = join(input.workspace.uploadDir, remote.name);
  try {
    await input.api.downloadArtifact(input.job, remote.name, archive);
    if ((await digestOf(archive)) !== remote.sha256) throw new Error(`${remote.name} was damaged on its way.`);
    await unpackState(archive, input.workspace.fetchedStateDir);
    return { path: input.workspace.fetchedStateDir, step: remote.step ?? 0 };
  } catch (error) {
    input.log.warn({ err: error }, 'The newest state could not be fetched; going on from an older one');
    return local;
  } finally {
    // States are large, and this one stands unpacked beside it.
    await rm(archive, { force: true });
  }
};

const digestOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};

const newestLocalState = async ({ trainer, workspace }: ResumeInput): Promise<Found | undefined> => {
  const found = await Promise.all((await workspace.earlier()).map((earlier) => newestStateIn(earlier, trainer)));
  return found.filter((state) => state !== undefined).sort((a, b) => b.step - a.step)[0];
};

/** The newest complete state that an attempt left in its folder. */
export const newestStateIn = async (workspace: Workspace, trainer: Trainer): Promise<Found | undefined> => {
  const states = trainer.findStates(await workspace.files()).sort((a, b) => b.step - a.step);
  return states[0] && { step: states[0].step, path: join(workspace.dir, states[0].path) };
};

const localPoints = async (workspace: Workspace): Promise<JobMetric[]> => {
  const earlier = (await workspace.earlier()).reverse();
  return (await Promise.all(earlier.map(({ dir }) => readCurve(dir)))).flat();
};

/** The curve up to a step, from what the API has and what was measured here. */
export const joinPoints = (
  reported: JobMetric[],
  measured: JobMetric[],
  step: number,
): Pick<Resumption, 'points' | 'unreported'> => {
  const known = new Set(reported.map((point) => point.step));
  const unreported = measured.filter((point) => point.step <= step && !known.has(point.step));
  const byStep = new Map([...reported, ...unreported].map((point) => [point.step, point]));
  const points = [...byStep.values()].filter((point) => point.step <= step).sort((a, b) => a.step - b.step);
  return { points, unreported };
};

const StateSchema = z.object({ points: z.array(JobMetricSchema).default([]) });

/** The points that a driver's state carries: a worker that died has not seen the last of them. */
const pointsOf = async (from: Found | undefined): Promise<JobMetric[]> => {
  if (!from) return [];
  const content = await readFile(join(from.path, 'state.json'), 'utf8').catch(() => '{}');
  return StateSchema.safeParse(JSON.parse(content)).data?.points ?? [];
};

const undeliveredFiles = async (workspace: Workspace): Promise<ArtifactEntry[]> => {
  const entries: ArtifactEntry[] = [];
  for (const earlier of (await workspace.earlier()).reverse()) {
    const spool = await earlier.openSpool();
    for (const entry of await spool.all('files')) if (entry.type === 'artifact') entries.push(entry);
  }
  return entries;
};

/** What the API cannot tell is done without: a job that starts over is better than one that does not start. */
const orNone = async <T>({ log }: ResumeInput, what: string, read: () => Promise<T[]>): Promise<T[]> => {
  try {
    return await read();
  } catch (error) {
    log.warn({ err: error }, `The ${what} of earlier attempts could not be read`);
    return [];
  }
};
