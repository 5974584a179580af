import { type ClaimedJob, JobMetricSchema, type JobArtifact, type JobMetric } from '@influencerai/shared';
import type { SavedState, Trainer } from '@influencerai/trainers';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readFile, rm } from 'node:fs/promises';
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

/** What earlier attempts of a job, or the deleted session that it continues, left for this one. */
export interface Resumption {
  /** The newest state that can be read. */
  from: FoundState | undefined;
  /** Those before it, newest first. */
  older: readonly StateSource[];
  checkpoints: string[];
  samples: string[];
  points: JobMetric[];
  /** Those of the points that the API has not got. */
  unreported: JobMetric[];
  /** Files of an attempt that crashed on this host, which the API has not got. */
  undelivered: ArtifactEntry[];
}

export interface FoundState {
  /** Absolute. */
  path: string;
  step: number;
  /** Whether it holds a gradient scaler, as those of fp16 do (accelerate and transformers: scaler.pt). */
  hasScaler: boolean;
  /** Points of the loss curve that it carries: a worker that died has not seen the last of them. */
  points: JobMetric[];
}

/** A state that may turn out to be damaged. */
export interface StateSource {
  step: number;
  /** Brings it to this host, where it is not, and looks whether it is whole. */
  open: () => Promise<FoundState>;
}

export interface ResumeInput {
  job: JobRef & Partial<Pick<ClaimedJob, 'session'>>;
  trainer: Trainer;
  workspace: Workspace;
  api: Pick<Api, 'artifacts' | 'metrics' | 'downloadArtifact'>;
  log: Logger;
}

/** Finds the newest state of a job, on this host or through the API, and what it made so far. */
export const findResumption = async (input: ResumeInput): Promise<Resumption> => {
  if (input.job.attempt === 1 && input.job.session?.isContinued !== true)
    return { from: undefined, older: [], checkpoints: [], samples: [], points: [], unreported: [], undelivered: [] };
  const [delivered, states, reported, measured, local, undelivered] = await Promise.all([
    orNone(input, 'artifacts', () => input.api.artifacts(input.job)),
    orNone(input, 'states', () => input.api.artifacts(input.job, 'state')),
    orNone(input, 'metrics', () => input.api.metrics(input.job)),
    localPoints(input.workspace),
    localStates(input),
    undeliveredFiles(input.workspace),
  ]);
  const { from, older } = await openNewest(newestFirst([...local, ...remoteStates(input, states)]), input.log);
  const step = from?.step ?? 0;
  const files = [...delivered, ...undelivered].filter((file) => (file.step ?? 0) <= step);
  const namesOf = (kind: JobArtifact['kind']) => files.filter((file) => file.kind === kind).map((file) => file.name);
  return {
    from,
    older,
    checkpoints: namesOf('checkpoint'),
    samples: namesOf('sample'),
    ...joinPoints(reported, [...measured, ...(from?.points ?? [])], step),
    undelivered: undelivered.filter((file) => file.kind !== 'state' && (file.step ?? 0) <= step),
  };
};

/** The first of the states that can be read, and those after it. */
export const openNewest = async (
  sources: readonly StateSource[],
  log: Logger,
): Promise<Pick<Resumption, 'from' | 'older'>> => {
  for (const [index, source] of sources.entries()) {
    try {
      return { from: await source.open(), older: sources.slice(index + 1) };
    } catch (error) {
      log.warn({ err: error, step: source.step }, 'A state cannot be used; going on from an older one');
    }
  }
  return { from: undefined, older: [] };
};

/**
 * Those of one step stay as they came, since what is here need not be fetched, and newer attempts come first. All are
 * kept: any copy may be the damaged one.
 */
const newestFirst = (sources: readonly StateSource[]): StateSource[] => [...sources].sort((a, b) => b.step - a.step);

const remoteStates = (input: ResumeInput, states: readonly JobArtifact[]): StateSource[] =>
  states.map((state) => ({ step: state.step ?? 0, open: () => fetchState(input, state) }));

const fetchState = async (
  { api, job, workspace: { uploadDir, fetchedStateDir } }: ResumeInput,
  { name, sha256, step }: JobArtifact,
): Promise<FoundState> => {
  const archive = join(uploadDir, name);
  try {
    await api.downloadArtifact(job, name, archive);
    if ((await digestOf(archive)) !== sha256) throw new Error(`${name} was damaged on its way.`);
    await unpackState(archive, fetchedStateDir);
    return await readState(fetchedStateDir, step ?? 0);
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

const localStates = async ({ trainer, workspace }: ResumeInput): Promise<StateSource[]> =>
  (await Promise.all((await workspace.earlier()).map((earlier) => statesIn(earlier, trainer)))).flat();

/** The states that an attempt left in its folder, newest first. */
export const statesIn = async (workspace: Workspace, trainer: Trainer): Promise<StateSource[]> =>
  trainer
    .findStates(await workspace.files())
    .map((state) => ({ step: state.step, open: () => openLocal(workspace, trainer, state) }))
    .sort((a, b) => b.step - a.step);

const openLocal = async ({ dir }: Workspace, trainer: Trainer, state: SavedState): Promise<FoundState> => {
  const { mark, step } = state;
  if (mark !== undefined && trainer.isWhole?.(await readFile(join(dir, mark), 'utf8'), state) === false)
    throw new Error(`${mark} is damaged.`);
  return readState(join(dir, state.path), step);
};

const readState = async (path: string, step: number): Promise<FoundState> => ({
  path,
  step,
  hasScaler: await access(join(path, 'scaler.pt')).then(
    () => true,
    () => false,
  ),
  points: await pointsOf(path),
});

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

/** Only the states of drivers carry points. @throws SyntaxError when the file that holds them is damaged */
const pointsOf = async (state: string): Promise<JobMetric[]> => {
  const content = await readFile(join(state, 'state.json'), 'utf8').catch(() => '{}');
  return StateSchema.safeParse(JSON.parse(content)).data?.points ?? [];
};

const undeliveredFiles = async (workspace: Workspace): Promise<ArtifactEntry[]> => {
  const entries: ArtifactEntry[] = [];
  for (const earlier of (await workspace.earlier()).reverse()) {
    for (const entry of await earlier.spooled('files')) if (entry.type === 'artifact') entries.push(entry);
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
