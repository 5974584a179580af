import type { ContainerSettings } from './container-settings.js';
import { mountOption, type Mount } from './container-mounts.js';
import type { LaunchRequest } from './launcher.js';

export const WORKER_LABEL = 'influencerai.worker';
export const JOB_LABEL = 'influencerai.job';

export interface CreateInput {
  request: LaunchRequest;
  settings: ContainerSettings;
  mounts: readonly Mount[];
  workerId: string;
  /** File with the environment: on the command line every user of the host could read it. */
  envFile: string;
}

export const containerName = (jobId: string): string => `training-${jobId}`;

/** The arguments of `docker create` for a trainer. */
export const createArguments = ({ request, settings, mounts, workerId, envFile }: CreateInput): string[] => {
  const { job, workspaceDir, gpus, file, args } = request;
  return [
    ...['--interactive', '--name', containerName(job.jobId), '--pull', 'never'],
    ...labels(request, workerId),
    ...['--user', settings.user, '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--read-only', '--tmpfs', '/tmp', '--network', settings.network],
    ...['--pids-limit', String(settings.pids), '--shm-size', settings.shmSize],
    // With swap on top of it, a limit would make a trainer slow rather than end it.
    ...(settings.memory ? ['--memory', settings.memory, '--memory-swap', settings.memory] : []),
    // The quotes belong to the value: its commas would end it.
    ...(gpus.length === 0 ? [] : ['--gpus', gpus.length === 1 ? `device=${gpus[0]}` : `"device=${gpus.join(',')}"`]),
    // The worker keeps the output; the engine's own copy would only fill its disk.
    ...['--log-driver', 'none', '--env-file', envFile, '--workdir', workspaceDir],
    ...mounts.flatMap(mountOption),
    ...[settings.images[job.trainer], file, ...args],
  ];
};

const labels = ({ job, workspaceDir }: LaunchRequest, workerId: string): string[] =>
  [
    `${WORKER_LABEL}=${workerId}`,
    `${JOB_LABEL}=${job.jobId}`,
    `influencerai.attempt=${job.attempt}`,
    `influencerai.trainer=${job.trainer}`,
    `influencerai.workspace=${workspaceDir}`,
  ].flatMap((label) => ['--label', label]);

/** The environment file of a trainer, as Docker's client reads it: everything behind the first `=` is the value. */
export const environmentFile = ({ env, gpus }: LaunchRequest): string =>
  Object.entries({
    ...env,
    // Its number has no entry in the image's user database, and libraries give up without a name.
    USER: 'trainer',
    // A container sees its own GPUs alone, and counts them from 0.
    ...(gpus.length > 0 && { CUDA_VISIBLE_DEVICES: [...gpus.keys()].join(',') }),
  })
    // Programs and caches of the host mean nothing here.
    .filter(([name]) => name !== 'PATH' && name !== 'HF_HOME')
    .map(([name, value]) => `${name}=${oneLine(name, value)}\n`)
    .join('');

const oneLine = (name: string, value: string): string => {
  if (/[\r\n]/.test(value)) throw new Error(`The variable ${name} has more than one line; a container takes only one.`);
  return value;
};
