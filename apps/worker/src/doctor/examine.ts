import { checkQueue, nameStore, queueConnection } from '@influencerai/queue';
import type { TrainerId } from '@influencerai/shared';
import { DRIVERS_DIR, implementedTrainers, type ModelEntry } from '@influencerai/trainers';
import { execa } from 'execa';
import { access, mkdir, statfs } from 'node:fs/promises';
import { hostname, totalmem } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { Env } from '../env.js';
import { discoverGpus } from '../gpu-discovery.js';
import { readModelsFile } from '../models-file.js';
import { hostPrograms } from '../programs.js';
import { probeWorkspaces } from '../runner/workspace.js';
import type { DiskFinding, Examination, ModelFinding, TrainerFinding } from './examination.js';

const API_TIMEOUT_MS = 5000;
/** Importing torch and a trainer from a cold disk takes a while. */
const IMPORT_TIMEOUT_MS = 180_000;
const LOW_DISK_BYTES = 20 * 1024 ** 3;

/** Looks at everything that a worker on this host needs. Starts each trainer's imports for real, so it takes a minute. */
export const examine = async (env: Env): Promise<Examination> => {
  const { gpus, problem: gpuProblem } = await discoverGpus(env.nvidiaSmi, env.visibleGpus);
  const [driver, disks, api, queue, models, trainers] = await Promise.all([
    gpus.length > 0 ? driverVersion(env.nvidiaSmi) : undefined,
    Promise.all([workspaceDisk(env.workerDir), disk('data', env.dataRoot)]),
    lookAtApi(env.apiUrl),
    lookAtQueue(env),
    lookAtModels(env.modelsFile),
    lookAtTrainers(env),
  ]);
  const node = process.versions.node;
  const host = { host: hostname(), node, memoryBytes: totalmem() };
  return { ...host, gpus, driver, gpuProblem, disks, api, queue, trainers, models };
};

const driverVersion = async (nvidiaSmi: string): Promise<string | undefined> => {
  const args = ['--query-gpu=driver_version', '--format=csv,noheader'];
  const { stdout, failed } = await execa(nvidiaSmi, args, { reject: false, stdin: 'ignore', timeout: 10_000 });
  return failed ? undefined : stdout.split('\n')[0]?.trim();
};

const disk = async (what: string, path: string): Promise<DiskFinding> => {
  try {
    const { bavail, bsize } = await statfs(path);
    return { what, path, freeBytes: bavail * bsize };
  } catch (error) {
    return { what, path, freeBytes: 0, problem: messageOf(error) };
  }
};

const workspaceDisk = async (path: string): Promise<DiskFinding> => {
  const found = await makeAnd(path, () => disk('workspaces', path));
  if (found.problem || found.freeBytes > LOW_DISK_BYTES) return found;
  return {
    ...found,
    problem: 'Checkpoints and states of large models take tens of GiB: set WORKER_DIR to a larger disk.',
  };
};

const makeAnd = async (path: string, look: () => Promise<DiskFinding>): Promise<DiskFinding> => {
  try {
    await mkdir(path, { recursive: true });
    await probeWorkspaces(path);
  } catch (error) {
    return { what: 'workspaces', path, freeBytes: 0, problem: messageOf(error) };
  }
  return look();
};

const lookAtApi = async (url: string): Promise<Examination['api']> => {
  try {
    const answer = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(API_TIMEOUT_MS) });
    return answer.ok ? { url } : { url, problem: `It answers ${answer.status} to /health/ready: look at its log.` };
  } catch {
    return { url, problem: 'It does not answer: check API_URL and the network.' };
  }
};

const lookAtQueue = async ({ queue, claimPollMs }: Env): Promise<Examination['queue']> => {
  const { redisUrl, databaseUrl } = queue;
  if (!redisUrl && !databaseUrl) return { store: `none; the API is asked every ${claimPollMs} ms` };
  const connection = queueConnection({ redisUrl, databaseUrl: databaseUrl ?? '' });
  try {
    await checkQueue(connection);
    return { store: nameStore(connection) };
  } catch (error) {
    return { store: nameStore(connection), problem: messageOf(error) };
  }
};

const lookAtModels = async (file: string | undefined): Promise<Examination['models']> => {
  try {
    const { models } = await readModelsFile(file);
    const entries = await Promise.all(Object.entries(models).map(([name, entry]) => lookAtModel(name, entry)));
    return { file, entries };
  } catch (error) {
    return { file, entries: [], problem: messageOf(error) };
  }
};

/** Hub ids are left to the trainer, which downloads them; paths have to be there. */
const lookAtModel = async (name: string, entry: ModelEntry): Promise<ModelFinding> => {
  const paths = Object.values(entry).filter((value) => typeof value === 'string' && isAbsolute(value)) as string[];
  const found = await Promise.all(paths.map(isThere));
  return { name, trainer: entry.trainer, missing: paths.filter((_, index) => !found[index]) };
};

/** One after the other: their imports would only fight for the disk. */
const lookAtTrainers = async (env: Env): Promise<TrainerFinding[]> => {
  const findings: TrainerFinding[] = [];
  for (const id of implementedTrainers()) findings.push(await lookAtTrainer(id, env));
  return findings;
};

const lookAtTrainer = async (id: TrainerId, env: Env): Promise<TrainerFinding> => {
  const programs = hostPrograms({ tinyProgram: env.tinyProgram, trainersDir: env.trainersDir });
  const program = await programs.find(id);
  if (!program) return { id, isInstalled: false, canStart: false };
  const version = await programs.version(id);
  if (id === 'tiny') return { id, isInstalled: true, version, canStart: true };
  return { id, isInstalled: true, version, ...(await importTrainer(id, join(env.trainersDir, id))) };
};

const ImportSchema = z.object({
  python: z.string(),
  torch: z.string().optional(),
  cuda: z.string().nullable().optional(),
  bitsandbytes: z.boolean().optional(),
  canStart: z.boolean(),
  problem: z.string().optional(),
});

const importTrainer = async (id: TrainerId, dir: string): Promise<z.infer<typeof ImportSchema> | TrainerProblem> => {
  const args = [DRIVERS_DIR, id, '--home', join(dir, 'source'), '--doctor'];
  const options = { reject: false, stdin: 'ignore', timeout: IMPORT_TIMEOUT_MS } as const;
  const ended = await execa(join(dir, 'venv', 'bin', 'python'), args, options);
  if (ended.timedOut) return { canStart: false, problem: 'Its imports take more than three minutes.' };
  if (ended.failed) return { canStart: false, problem: ended.stderr.split('\n').at(-1) ?? ended.shortMessage };
  return ImportSchema.parse(JSON.parse(ended.stdout));
};

type TrainerProblem = Pick<TrainerFinding, 'canStart' | 'problem'>;

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
