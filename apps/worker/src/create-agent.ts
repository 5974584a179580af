import { queueConnection } from '@influencerai/queue';
import { GpuSchema } from '@influencerai/shared';
import { findTrainer, implementedTrainers } from '@influencerai/trainers';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Agent } from './agent.js';
import type { Api } from './api/api.js';
import { sdkApi } from './api/sdk-api.js';
import { DatasetAccess } from './datasets/dataset-access.js';
import { DatasetCache } from './datasets/dataset-cache.js';
import { MountedDatasets } from './datasets/mounted-dataset.js';
import { silentDoorbell, type OpenDoorbell } from './doorbell.js';
import type { Env } from './env.js';
import { discoverGpus, driverVersion } from './gpu-discovery.js';
import type { HostGpu } from './gpu-list.js';
import { imageStartCheck } from './image-start-check.js';
import { installedStartCheck } from './installed-start-check.js';
import { readModelsFile } from './models-file.js';
import { hostPrograms, type Programs } from './programs.js';
import { queueDoorbell } from './queue-doorbell.js';
import { containerEngine } from './runner/container-engine.js';
import { containerPrograms } from './runner/container-programs.js';
import type { ContainerSettings } from './runner/container-settings.js';
import { dockerLauncher } from './runner/docker-launcher.js';
import type { Launcher } from './runner/launcher.js';
import { processLauncher } from './runner/process-launcher.js';
import { DEFAULT_PACE, type Pace } from './runner/runner-context.js';
import { jobsWithoutSharing, planSlots, SlotPool, type Slot } from './slots.js';
import type { StartCheck } from './start-check.js';
import { checkTrainers, type TrainerOffer } from './trainer-check.js';
import { VERSION } from './version.js';
import { workerId } from './worker-id.js';

/** The worker cannot start here; the message is one line that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Looks at the host and puts a worker together.
 * @throws StartError when no trainer can start here
 */
export const createAgent = async (env: Env, log: Logger, pace: Pace = DEFAULT_PACE): Promise<Agent> => {
  const { gpus, problem } = await discoverGpus(env.nvidiaSmi, env.visibleGpus);
  // Taken for one without a GPU, it would train on the CPU what waits for GPUs.
  if (problem) throw new StartError(problem);
  const id = await workerId(env.workerDir);
  const driver = gpus.length > 0 ? await driverVersion(env.nvidiaSmi) : undefined;
  const { programs, launcher, startProblem } = env.container
    ? await inContainers(env.container, { env, gpus, driver, workerId: id, log })
    : asProcesses({ env, gpus, driver, log });
  const implemented = implementedTrainers().map((id) => findTrainer(id)!);
  const offer = await checkTrainers({ allowed: env.trainers, implemented, programs, startProblem });
  for (const { trainer, reason } of offer.unusable) log.warn({ trainer, reason }, 'It cannot start; not offered');
  if (offer.usable.length === 0) throw nothingToOffer(env, offer);
  if (gpus.length > 0 && gpus.length < env.gpusPerJob) {
    throw new StartError(`GPUS_PER_JOB is ${env.gpusPerJob}, and this host offers ${gpus.length} GPU(s). Lower it.`);
  }
  const slots = planSlots({ gpus, cores: availableParallelism(), asked: env.slots, gpusPerJob: env.gpusPerJob });
  warnOfSharing(slots, log);
  const { usable: trainers, unusable } = offer;
  const identity = {
    id,
    version: VERSION,
    slots: slots.length,
    gpus: gpus.map((gpu) => GpuSchema.parse(gpu)),
    trainers,
    unusable,
  };
  const { workerDir, graceMs, keepWorkspaces, secrets, claimPollMs } = env;
  const { trainerBase, hubBase, hubFiles, isHubOpen, embeddingsBase } = env;
  const api = sdkApi(env);
  return new Agent({
    context: {
      api,
      launcher,
      programs,
      startProblem,
      models: await readModelsFile(env.modelsFile),
      workerDir,
      datasets: datasetAccess(env, api, pace),
      graceMs,
      keepWorkspaces,
      trainerBase,
      hubBase,
      hubFiles,
      isHubOpen,
      embeddingsBase,
      secrets,
      pace,
      log,
    },
    identity,
    slots: new SlotPool(slots),
    apiUrl: env.apiUrl,
    claimPollMs,
    openDoorbell: doorbellFor(env, trainers, log),
  });
};

const warnOfSharing = (slots: readonly Slot[], log: Logger): void => {
  const enough = jobsWithoutSharing(slots);
  if (enough === undefined) return;
  log.warn(
    `WORKER_SLOTS is ${slots.length}, and more than ${enough} job(s) at a time share a GPU and its memory: one that fits alone may then run out of it.`,
  );
};

const datasetAccess = ({ workerDir, dataRoot, datasets }: Env, api: Api, { retryMs }: Pace): DatasetAccess =>
  new DatasetAccess({
    mode: datasets.access,
    api,
    mounted: new MountedDatasets(dataRoot),
    openCache: () => DatasetCache.open(join(workerDir, 'cache/datasets'), datasets.cacheBytes),
    retryMs,
  });

/** How trainers are found and started. */
interface Launching {
  programs: Programs;
  launcher: Launcher;
  startProblem: StartCheck;
}

const nothingToOffer = ({ container }: Env, { unusable }: TrainerOffer): StartError => {
  const [first] = unusable;
  if (first)
    return new StartError(`${first.trainer} cannot start on this host: ${first.reason} Run bin/worker doctor.`);
  return new StartError(
    container
      ? 'No image of a trainer is on this host. Build one (docs/containers.md), and check DOCKER_IMAGES.'
      : 'No trainer can start on this host. Build the project (pnpm build), and check WORKER_TRAINERS.',
  );
};

interface OfHost {
  env: Env;
  gpus: readonly HostGpu[];
  /** Version of the NVIDIA driver. */
  driver: string | undefined;
  log: Logger;
}

const asProcesses = ({ env: { tinyProgram, trainersDir, trainerBase }, ...host }: OfHost): Launching => ({
  programs: hostPrograms({ tinyProgram, trainersDir }),
  launcher: processLauncher(),
  startProblem: installedStartCheck({ trainersDir, trainerBase, ...host }),
});

const inContainers = async (
  settings: ContainerSettings,
  { env: { trainerBase, workerDir }, ...host }: OfHost & { workerId: string },
): Promise<Launching> => {
  const engine = containerEngine(settings);
  await engine.assertReachable().catch((error: Error) => {
    throw new StartError(`${error.message} LAUNCHER=docker needs DOCKER_PROGRAM and DOCKER_HOST to reach one.`);
  });
  return {
    programs: containerPrograms(engine, settings.images),
    launcher: dockerLauncher({ engine, settings, workerId: host.workerId }),
    startProblem: imageStartCheck({ engine, settings, trainerBase, workerDir, ...host }),
  };
};

const doorbellFor = (
  { queue, claimPollMs }: Env,
  trainers: Parameters<typeof queueDoorbell>[1],
  log: Logger,
): OpenDoorbell => {
  const { redisUrl, databaseUrl } = queue;
  if (!redisUrl && !databaseUrl) {
    log.info(`Neither REDIS_URL nor QUEUE_DATABASE_URL is set: asking the API for jobs every ${claimPollMs} ms.`);
    return silentDoorbell;
  }
  return queueDoorbell(queueConnection({ redisUrl, databaseUrl: databaseUrl ?? '' }), trainers, log);
};
