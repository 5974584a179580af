import { checkQueue, nameStore, queueConnection } from '@influencerai/queue';
import { mkdir, statfs } from 'node:fs/promises';
import { hostname, totalmem } from 'node:os';
import type { Env } from '../env.js';
import { discoverGpus, driverVersion } from '../gpu-discovery.js';
import { probeWorkspaces } from '../runner/workspace.js';
import { gib } from './gib.js';
import type { DatasetsFinding, DiskFinding, Examination } from './examination.js';
import { lookAtModels } from './look-at-models.js';
import { lookAtTrainers } from './look-at-trainers.js';

const API_TIMEOUT_MS = 5000;
const DATA = 'data';
const LOW_DISK_BYTES = 20 * 1024 ** 3;

/** Looks at everything that a worker on this host needs. Starts each trainer's imports for real, so it takes a minute. */
export const examine = async (env: Env): Promise<Examination> => {
  const { gpus, problem: gpuProblem } = await discoverGpus(env.nvidiaSmi, env.visibleGpus);
  const [driver, disks, api, queue, models, trainers] = await Promise.all([
    gpus.length > 0 ? driverVersion(env.nvidiaSmi) : undefined,
    lookAtDisks(env),
    lookAtApi(env.apiUrl),
    lookAtQueue(env),
    lookAtModels(env.modelsFile),
    lookAtTrainers(env, gpus),
  ]);
  const node = process.versions.node;
  const host = { host: hostname(), node, memoryBytes: totalmem() };
  return { ...host, gpus, driver, gpuProblem, disks, datasets: datasetsOf(env, disks), api, queue, trainers, models };
};

const disk = async (what: string, path: string): Promise<DiskFinding> => {
  try {
    const { bavail, bsize } = await statfs(path);
    return { what, path, freeBytes: bavail * bsize };
  } catch (error) {
    return { what, path, problem: messageOf(error) };
  }
};

const lookAtDisks = async ({ workerDir, dataRoot, datasets }: Env): Promise<DiskFinding[]> => {
  const workspaces = await workspaceDisk(workerDir);
  if (datasets.access === 'fetch') return [workspaces];
  const data = await dataDisk(dataRoot);
  return datasets.access === 'auto' && data.problem ? [workspaces] : [workspaces, data];
};

const datasetsOf = ({ dataRoot, datasets: { access, cacheBytes } }: Env, disks: DiskFinding[]): DatasetsFinding => {
  const fetched = `from the API; the newest ${gib(cacheBytes)} stay in WORKER_DIR`;
  if (access === 'mount') return { access, way: `read below ${dataRoot}` };
  const isMounted = disks.some(({ what }) => what === DATA);
  return { access, way: isMounted ? `read below ${dataRoot} where it has the API's files, else ${fetched}` : fetched };
};

const dataDisk = async (path: string): Promise<DiskFinding> => {
  const found = await disk(DATA, path);
  return found.problem
    ? {
        ...found,
        problem:
          'Not there: mount what the API has as DATA_ROOT, set DATA_ROOT, or fetch datasets with DATASET_ACCESS=fetch.',
      }
    : found;
};

const workspaceDisk = async (path: string): Promise<DiskFinding> => {
  const found = await makeAnd(path, () => disk('workspaces', path));
  if (found.freeBytes === undefined || found.freeBytes > LOW_DISK_BYTES) return found;
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
    return { what: 'workspaces', path, problem: messageOf(error) };
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

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
